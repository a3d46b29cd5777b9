/* What exchanges.mjs is made of: keys, markets and currencies such as ccxt would fetch, and the calls that all have. */

import crypto from 'node:crypto';
import fs from 'node:fs';

globalThis.crypto ??= crypto.webcrypto; // Node 18 keeps to itself what ccxt and the SDKs look for here

// Key pairs, made anew for each run; tests/interop/run puts them onto the token, too.
const pem = Object.fromEntries(
    ['rsa', 'ed25519', 'p256'].map((name) => [
        name,
        fs.readFileSync(`${process.env.INTEROP_PEM}/${name}.pem`, 'utf8').trim(),
    ]),
);
// Coinbase shows keys in this older form, and ccxt takes no other.
pem.p256 = crypto.createPrivateKey(pem.p256).export({ format: 'pem', type: 'sec1' }).trim();
// ccxt takes Coinbase's Ed25519 keys as Coinbase shows them: seed and public key in base64.
export const rawEd25519 = Buffer.concat(
    ['d', 'x'].map((part) =>
        Buffer.from(crypto.createPrivateKey(pem.ed25519).export({ format: 'jwk' })[part], 'base64url'),
    ),
);

export const secretOf = (id, bytes = 32) =>
    Buffer.from(`interop test of ${id}, opens nothing`.padEnd(bytes, '.').slice(0, bytes));

export function keyPair(name, credentials = {}) {
    return {
        pem: pem[name],
        publicKey: crypto.createPublicKey(pem[name]),
        credentials: { secret: pem[name], ...credentials },
    };
}

export function market(symbol, id, more = {}) {
    const [pair, settle] = symbol.split(':');
    const [base, quote] = pair.split('/');
    const isSwap = settle !== undefined;
    return {
        id,
        symbol,
        base,
        quote,
        settle,
        baseId: base,
        quoteId: quote,
        settleId: settle,
        type: isSwap ? 'swap' : 'spot',
        spot: !isSwap,
        margin: false,
        swap: isSwap,
        future: false,
        option: false,
        contract: isSwap,
        active: true,
        linear: isSwap ? settle === quote : undefined,
        inverse: isSwap ? settle === base : undefined,
        contractSize: isSwap ? 1 : undefined,
        precision: { amount: 0.0001, price: 0.01, cost: 0.01 },
        limits: { amount: {}, price: {}, cost: {}, leverage: {} },
        info: {},
        ...more,
    };
}

export function currency(code, more = {}) {
    return {
        id: code,
        code,
        precision: 1e-8,
        active: true,
        fee: 0.0001,
        limits: { amount: {}, withdraw: {} },
        networks: {},
        info: {},
        ...more,
    };
}

export const ADDRESS = 'bc1qinteroptestinteroptestinteroptest000';

/* An exchange of the list, with the calls that all have. `id` is ccxt's class, `name` the key's where a class has
 * several. `refused` are the calls, beside a withdrawal, for which a policy of read, trade and cancel is not enough;
 * `answer` is what the exchange's end says; `differently` makes of ccxt's request what the agent sends in its place,
 * where both are good. */
export function exchange(setup) {
    const {
        id,
        profile = id,
        credentials = {},
        markets,
        currencies = [currency('BTC')],
        options = {},
        orderId = '1234567890',
        calls = {},
        params = {},
        amount = 0.5,
        price = 30000.5,
        withdraw = ['BTC', 0.5, ADDRESS],
        answer = () => ({}),
        ...more
    } = setup;
    const symbol = markets[0].symbol;
    return {
        id,
        profile,
        scheme: 'hmac',
        credentials: { apiKey: `key-of-${setup.name ?? id}`, secret: secretOf(id).toString(), ...credentials },
        client(ccxt, keys) {
            const client = new ccxt[id]({ enableRateLimit: false, ...keys });
            Object.assign(client.options, { fetchCurrencies: false }, options);
            client.setMarkets(markets, Object.fromEntries(currencies.map((item) => [item.code, item])));
            return client;
        },
        calls: {
            fetchBalance: ['fetchBalance', params.fetchBalance ?? {}],
            createLimitOrder: ['createOrder', symbol, 'limit', 'buy', amount, price, params.createOrder ?? {}],
            createMarketOrder: ['createOrder', symbol, 'market', 'sell', amount, undefined, params.createOrder ?? {}],
            cancelOrder: ['cancelOrder', orderId, symbol, params.cancelOrder ?? {}],
            fetchOpenOrders: ['fetchOpenOrders', symbol, undefined, undefined, params.fetchOpenOrders ?? {}],
            fetchOrder: ['fetchOrder', orderId, symbol, params.fetchOrder ?? {}],
            fetchMyTrades: ['fetchMyTrades', symbol, undefined, undefined, params.fetchMyTrades ?? {}],
            cancelAllOrders: ['cancelAllOrders', symbol, params.cancelAllOrders ?? {}],
            fetchDeposits: ['fetchDeposits', 'BTC', undefined, undefined, params.fetchDeposits ?? {}],
            ...(withdraw ? { withdraw: ['withdraw', ...withdraw, undefined, params.withdraw ?? {}] } : {}),
            ...calls,
        },
        answer,
        ...more,
    };
}

/* The same calls on a swap of an exchange that has both. */
export function swapCalls(symbol, orderId = '1234567890', amount = 2, params = {}) {
    return {
        fetchSwapBalance: ['fetchBalance', { type: 'swap' }],
        createSwapLimitOrder: ['createOrder', symbol, 'limit', 'buy', amount, 30000.5, params],
        createSwapMarketOrder: ['createOrder', symbol, 'market', 'sell', amount, undefined, params],
        cancelSwapOrder: ['cancelOrder', orderId, symbol, params],
        fetchOpenSwapOrders: ['fetchOpenOrders', symbol, undefined, undefined, params],
    };
}
