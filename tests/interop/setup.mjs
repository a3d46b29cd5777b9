/* The parts of exchanges.mjs: keys, markets and currencies like those ccxt would fetch, and the calls common to all. */

import crypto from 'node:crypto';
import fs from 'node:fs';

globalThis.crypto ??= crypto.webcrypto; // ccxt and the SDKs expect it here, and Node 18 does not put it here

// Key pairs, made for each run; tests/interop/run puts them onto the token too.
const pem = Object.fromEntries(
    ['rsa', 'ed25519', 'p256'].map((name) => [
        name,
        fs.readFileSync(`${process.env.INTEROP_PEM}/${name}.pem`, 'utf8').trim(),
    ]),
);
// Coinbase shows keys in this older form, the only one that ccxt accepts.
pem.p256 = crypto.createPrivateKey(pem.p256).export({ format: 'pem', type: 'sec1' }).trim();
// ccxt expects Coinbase's Ed25519 keys as Coinbase shows them: seed and public key in base64.
export const rawEd25519 = Buffer.concat(
    ['d', 'x'].map((part) =>
        Buffer.from(crypto.createPrivateKey(pem.ed25519).export({ format: 'jwk' })[part], 'base64url'),
    ),
);

export const secretOf = (id, bytes = 32) =>
    Buffer.from(`interop test of ${id}, opens nothing`.padEnd(bytes, '.').slice(0, bytes));

// Texts as the exchanges hand them out, by profile; `chancery key import` refuses other shapes. Elsewhere 64 hex digits.
const shapes = {
    bitmex: (hex) => hex.slice(0, 48),
    bybit: (hex) => hex.slice(0, 36),
    htx: (hex) => hex.slice(0, 29).match(/.{1,8}/g).join('-'),
    kucoin: (hex) => hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    okx: (hex) => hex.slice(0, 32).toUpperCase(),
};
const textSecretOf = (id, profile) => (shapes[profile] ?? ((hex) => hex))(secretOf(id).toString('hex'));

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

/* One exchange, with the calls common to all. `id` is ccxt's class; `name` is the key's name if a class has several.
 * `environment` is the key's, and `enter` puts a client into it; `rule` names the rule of another class that holds.
 * `stop` says how ccxt is told of a trigger there, null if it cannot be. `refused` lists the calls, in addition to withdrawals, that need more than read, trade and cancel. `answer` is the
 * stand-in's answer. `differently` turns ccxt's request into the one that the agent sends instead, where the exchange
 * accepts both. */
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
        stop = { triggerPrice: String(price) },
        answer = () => ({}),
        rule = id,
        environment = 'live',
        enter = () => {},
        ...more
    } = setup;
    const symbol = markets[0].symbol;
    return {
        id,
        profile,
        scheme: 'hmac',
        credentials: { apiKey: `key-of-${setup.name ?? id}`, secret: textSecretOf(id, profile), ...credentials },
        client(ccxt, keys) {
            const client = new ccxt[id]({ enableRateLimit: false, ...keys });
            Object.assign(client.options, { fetchCurrencies: false }, options);
            client.setMarkets(markets, Object.fromEntries(currencies.map((item) => [item.code, item])));
            enter(client);
            return client;
        },
        rule,
        environment,
        enter,
        calls: {
            fetchBalance: ['fetchBalance', params.fetchBalance ?? {}],
            createLimitOrder: ['createOrder', symbol, 'limit', 'buy', amount, price, params.createOrder ?? {}],
            createMarketOrder: ['createOrder', symbol, 'market', 'sell', amount, undefined, params.createOrder ?? {}],
            ...(stop ? { createStopOrder: ['createOrder', symbol, 'limit', 'buy', amount, price, { ...stop, ...params.createOrder }] } : {}),
            editOrder: ['editOrder', orderId, symbol, 'limit', 'buy', amount, price, params.editOrder ?? {}],
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

/* The same calls for a swap, at an exchange that has both spot and swaps. */
export function swapCalls(symbol, orderId = '1234567890', amount = 2, params = {}) {
    return {
        fetchSwapBalance: ['fetchBalance', { type: 'swap' }],
        createSwapLimitOrder: ['createOrder', symbol, 'limit', 'buy', amount, 30000.5, params],
        createSwapMarketOrder: ['createOrder', symbol, 'market', 'sell', amount, undefined, params],
        cancelSwapOrder: ['cancelOrder', orderId, symbol, params],
        fetchOpenSwapOrders: ['fetchOpenOrders', symbol, undefined, undefined, params],
    };
}
