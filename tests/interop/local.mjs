/* What a bot does at the local exchange (tests/venue), for the programs that run ccxt against it with the accounts of
 * exchanges.mjs. They are started with through.mjs, so that every TLS connection ends at the local exchange. */
import assert from 'node:assert/strict';
import newest from 'ccxt';
import older from 'ccxt-with-bitmex';
import { compared } from './exchanges.mjs';

// Newer releases do not have BitMEX.
export const ccxt = { ...newest, bitmex: older.bitmex };

const SPOT = 'BTC/USDT';
const SWAP = 'BTC/USDT:USDT';
const INVERSE = 'BTC/USD:BTC';

/* Markets by account. `options` are for ccxt, `balance` for its fetchBalance (by default, the market's type); `hasMarketOrders` is false where ccxt has none. */
const table = {
    binance: { symbols: [SPOT, SWAP, INVERSE] },
    'binance-rsa': { symbols: [SPOT] },
    'binance-ed25519': { symbols: [SPOT] },
    binanceusdm: { symbols: [SWAP] },
    binancecoinm: { symbols: [INVERSE] },
    bingx: { symbols: [SPOT, SWAP, INVERSE] },
    bitfinex: { symbols: ['BTC/USD'], withdrawal: { network: 'BTC' } },
    bitget: { symbols: [SPOT, SWAP, INVERSE] },
    bitmex: { symbols: [INVERSE], balance: {} },
    bitso: { symbols: ['BTC/MXN'] },
    bitstamp: { symbols: ['BTC/USD'] },
    bitvavo: { symbols: ['BTC/EUR'], options: { operatorId: 1234 } },
    bybit: { symbols: [SPOT, SWAP, INVERSE] },
    'bybit-rsa': { symbols: [SPOT] },
    'coinbase-es256': { symbols: ['BTC/USD', SPOT] },
    'coinbase-eddsa': { symbols: ['BTC/USD'] },
    coinbaseexchange: { symbols: ['BTC/USD'] },
    cryptocom: { symbols: [SPOT, 'BTC/USD:USD'], balance: {} },
    deribit: { symbols: ['BTC/USDC', INVERSE, 'BTC/USDC:USDC'], balance: {} },
    gate: { symbols: [SPOT, SWAP] },
    gemini: { symbols: ['BTC/USD'], hasMarketOrders: false },
    htx: { symbols: [SPOT, SWAP], marketPrice: 30000 },
    kraken: { symbols: ['BTC/USD', SPOT] },
    krakenfutures: { symbols: ['BTC/USD:USD', INVERSE], balance: { type: 'flex' } },
    kucoin: { symbols: [SPOT, SWAP] },
    kucoinfutures: { symbols: [SWAP] },
    mexc: { symbols: [SPOT, SWAP] },
    okx: { symbols: [SPOT, SWAP, INVERSE] },
    phemex: { symbols: [SPOT, SWAP] },
    poloniex: { symbols: [SPOT, SWAP] },
    upbit: { symbols: ['BTC/KRW'] },
    whitebit: { symbols: ['BTC/USDT'] },
    // Other environments and regional classes.
    'binance-testnet': { symbols: [SPOT], options: { fetchMarkets: { types: ['spot'] } } }, // swaps are on another testnet
    'binance-us': { symbols: [SPOT] },
    'bitget-demo': { symbols: [SPOT, SWAP] },
    'bitmex-testnet': { symbols: [INVERSE], balance: {} },
    'bitso-stage': { symbols: ['BTC/MXN'] },
    'bybit-eu': { symbols: [SPOT] },
    'bybit-id': { symbols: [SPOT] },
    'coinbaseexchange-sandbox': { symbols: ['BTC/USD'] },
    'cryptocom-uat': { symbols: [SPOT], balance: {} },
    'deribit-testnet': { symbols: [INVERSE], balance: {} },
    'gate-eu': { symbols: [SPOT] },
    'gemini-sandbox': { symbols: ['BTC/USD'], hasMarketOrders: false },
    'krakenfutures-demo': { symbols: [INVERSE], balance: { type: 'flex' } },
    'okx-demo': { symbols: [SPOT, SWAP] },
    'okx-eea': { symbols: [SPOT] },
    'okx-us': { symbols: [SPOT] },
    'phemex-testnet': { symbols: [SPOT, SWAP] },
    'upbit-sg': { symbols: ['BTC/KRW'] },
};

/* What does not exist in that environment. */
function without(calls, missing = []) {
    return Object.fromEntries(Object.entries(calls).filter(([name]) => !missing.includes(name)));
}

/* The accounts that the program's arguments name, or all. */
export const accounts = Object.entries(table)
    .filter(([name]) => process.argv.length === 2 || process.argv.includes(name))
    .map(([name, trading]) => ({ ...compared[name], ...trading, name }))
    .map((account) => ({ ...account, calls: without(account.calls, account.missing) }));

export async function control(path, document) {
    const answer = await fetch(`http://127.0.0.1:${process.env.VENUE_CONTROL}/_venue/${path}`, {
        method: document ? 'POST' : 'GET',
        body: document && JSON.stringify(document),
    });
    const told = await answer.json();
    assert.equal(answer.status, 200, told.error);
    return told;
}

/* Puts the account's key on file at the exchange. */
export function register({ profile, scheme, credentials, publicKey, environment }) {
    return control('keys', {
        exchange: profile,
        key_id: credentials.apiKey,
        scheme,
        secret: publicKey ? undefined : credentials.secret,
        public_key: publicKey?.export({ type: 'spki', format: 'pem' }),
        passphrase: credentials.password,
        is_demo: ['okx', 'bitget'].includes(profile) && environment.endsWith('demo'),
    });
}

export async function bookOf({ profile, credentials }) {
    const query = new URLSearchParams({ exchange: profile, key: credentials.apiKey });
    return (await control(`books?${query}`)).keys[0];
}

export function clientOf({ id, options, enter }, credentials) {
    const client = new ccxt[id]({ enableRateLimit: false, ...credentials });
    Object.assign(client.options, options);
    enter(client);
    return client;
}

export async function loads(account, client) {
    await client.loadMarkets();
    for (const symbol of account.symbols) {
        client.market(symbol);
    }
}

export async function trades({ balance, hasMarketOrders = true, marketPrice }, client, symbol) {
    const market = client.market(symbol);
    const amount = market.spot ? 0.01 : market.inverse ? 100 : 1;
    const held = await client.fetchBalance(balance ?? (market.spot ? {} : { type: market.type }));
    assert.ok(Object.keys(held.total).length > 0, 'a balance');
    const ticker = await client.fetchTicker(symbol);
    assert.ok(ticker.last > 0 || ticker.bid > 0, 'a price');
    const { id } = await client.createOrder(symbol, 'limit', 'buy', amount, 29000);
    assert.ok(id, 'an id');
    const isOpen = async () => (await client.fetchOpenOrders(symbol)).some((order) => order.id === id);
    assert.ok(await isOpen(), `${id} is open`);
    await client.cancelOrder(id, symbol);
    assert.ok(!(await isOpen()), `${id} is not open`);
    if (hasMarketOrders) {
        assert.ok((await client.createOrder(symbol, 'market', 'sell', amount, marketPrice)).id, 'an id');
    }
}

/* As in exchanges.mjs, but with markets that ccxt fetched, whose networks may have other names. */
export function withdraws({ calls, withdrawal }, client) {
    const [method, ...args] = calls.withdraw;
    return client[method](...args.slice(0, -1), withdrawal ?? args.at(-1));
}

export const ordersOf = ({ symbols, hasMarketOrders = true }) => symbols.length * (hasMarketOrders ? 2 : 1);
