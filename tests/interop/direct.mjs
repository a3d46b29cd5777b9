/* Unmodified ccxt against the local exchange (tests/venue), without Chancery: it finds markets, signs, trades and cancels
 * at every exchange, and one flipped character of the secret is refused. That shows that the local exchange's rules are
 * the exchanges', not Chancery's. Arguments: the names of exchanges, to run only those. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import newest from 'ccxt';
import older from 'ccxt-with-bitmex';
import { check, done } from './tally.mjs';

// Newer releases do not have BitMEX.
const ccxt = { ...newest, bitmex: older.bitmex };

const pem = (name) => fs.readFileSync(`${process.env.INTEROP_PEM}/${name}.pem`, 'utf8').trim();
const publicOf = (text) => crypto.createPublicKey(text).export({ type: 'spki', format: 'pem' });
const hex = (id, size = 64) => crypto.createHash('sha512').update(`direct test of ${id}`).digest('hex').slice(0, size);
const base64 = (id) => Buffer.from(hex(id, 64)).toString('base64');

/* `secret` is what ccxt gets; the venue gets the same, or the public key of `pair`. `symbols` are tried in turn. */
const p256 = () => crypto.createPrivateKey(pem('p256')).export({ format: 'pem', type: 'sec1' }).trim();
// Coinbase shows Ed25519 keys as seed and public key in base64.
function rawEd25519(key) {
    const { d, x } = key.export({ format: 'jwk' });
    return Buffer.concat([d, x].map((part) => Buffer.from(part, 'base64url'))).toString('base64');
}
const made = (...kind) => crypto.generateKeyPairSync(...kind).privateKey;
const list = [
    { id: 'binance', symbols: ['BTC/USDT', 'BTC/USDT:USDT', 'BTC/USD:BTC'] },
    { id: 'binance', name: 'binance-rsa', scheme: 'rsa', pair: 'rsa', symbols: ['BTC/USDT'] },
    { id: 'binance', name: 'binance-ed25519', scheme: 'ed25519', pair: 'ed25519', symbols: ['BTC/USDT'] },
    { id: 'bybit', symbols: ['BTC/USDT', 'BTC/USDT:USDT', 'BTC/USD:BTC'] },
    { id: 'bybit', name: 'bybit-rsa', scheme: 'rsa', pair: 'rsa', symbols: ['BTC/USDT'] },
    { id: 'okx', more: { password: 'pass phrase 1' }, symbols: ['BTC/USDT', 'BTC/USDT:USDT', 'BTC/USD:BTC'] },
    { id: 'htx', symbols: ['BTC/USDT', 'BTC/USDT:USDT'], marketPrice: 30000 },
    { id: 'kraken', secret: base64, symbols: ['BTC/USD', 'BTC/USDT'] },
    {
        id: 'coinbase', name: 'coinbase-es256', scheme: 'es256', pair: 'p256', secret: p256, symbols: ['BTC/USD', 'BTC/USDT'],
        keyId: 'organizations/venue/apiKeys/es256',
    },
    {
        id: 'coinbase', name: 'coinbase-eddsa', scheme: 'eddsa', pair: 'ed25519', symbols: ['BTC/USD'],
        keyId: 'c0ffee00-1111-4222-8333-444455556666',
        secret: () => rawEd25519(crypto.createPrivateKey(pem('ed25519'))), wrong: () => rawEd25519(made('ed25519')),
    },
    { id: 'coinbaseexchange', profile: 'coinbase-exchange', secret: base64, more: { password: 'pass1' }, symbols: ['BTC/USD'] },
    {
        id: 'krakenfutures', profile: 'kraken-futures', secret: base64, symbols: ['BTC/USD:USD', 'BTC/USD:BTC'],
        balance: { type: 'flex' },
    },
    { id: 'kucoin', more: { password: 'pass1' }, symbols: ['BTC/USDT', 'BTC/USDT:USDT'] },
    { id: 'kucoinfutures', profile: 'kucoin', more: { password: 'pass1' }, symbols: ['BTC/USDT:USDT'] },
    { id: 'bitget', more: { password: 'pass1' }, symbols: ['BTC/USDT', 'BTC/USDT:USDT', 'BTC/USD:BTC'] },
    { id: 'gate', symbols: ['BTC/USDT', 'BTC/USDT:USDT'] },
    { id: 'mexc', symbols: ['BTC/USDT', 'BTC/USDT:USDT'] },
    { id: 'bitfinex', symbols: ['BTC/USD'] },
    { id: 'bitstamp', symbols: ['BTC/USD'] },
    { id: 'deribit', symbols: ['BTC/USDC', 'BTC/USD:BTC', 'BTC/USDC:USDC'] },
    { id: 'cryptocom', symbols: ['BTC/USDT', 'BTC/USD:USD'] },
    { id: 'bingx', symbols: ['BTC/USDT', 'BTC/USDT:USDT', 'BTC/USD:BTC'] },
    { id: 'whitebit', symbols: ['BTC/USDT'] },
    { id: 'bitvavo', options: { operatorId: 1234 }, symbols: ['BTC/EUR'] },
    { id: 'phemex', symbols: ['BTC/USDT', 'BTC/USDT:USDT'] },
    { id: 'poloniex', symbols: ['BTC/USDT', 'BTC/USDT:USDT'] },
    { id: 'bitso', symbols: ['BTC/MXN'] },
    { id: 'upbit', scheme: 'hs256', symbols: ['BTC/KRW'] },
    { id: 'gemini', keyId: 'account-key-of-gemini', symbols: ['BTC/USD'], market: null }, // ccxt has no market orders there
    { id: 'bitmex', symbols: ['BTC/USD:BTC'] },
];

/* Other keys of the same kinds, in the form in which ccxt takes them. */
const other = {
    rsa: () => made('rsa', { modulusLength: 2048 }).export({ type: 'pkcs8', format: 'pem' }),
    ed25519: () => made('ed25519').export({ type: 'pkcs8', format: 'pem' }),
    p256: () => made('ec', { namedCurve: 'P-256' }).export({ type: 'sec1', format: 'pem' }).trim(),
};

async function control(path, document) {
    const answer = await fetch(`http://127.0.0.1:${process.env.VENUE_CONTROL}/_venue/${path}`, {
        method: document ? 'POST' : 'GET',
        body: document && JSON.stringify(document),
    });
    const told = await answer.json();
    assert.equal(answer.status, 200, told.error);
    return told;
}

/* Another character of the same alphabet in the middle of the secret. */
function flipped(secret) {
    const at = secret.length >> 1;
    return secret.slice(0, at) + (secret[at] === 'a' ? 'b' : 'a') + secret.slice(at + 1);
}

function clientOf(setup, secret) {
    const client = new ccxt[setup.id]({
        apiKey: setup.keyId ?? `key-of-${setup.name ?? setup.id}`,
        secret,
        enableRateLimit: false,
        ...setup.more,
    });
    Object.assign(client.options, setup.options);
    return client;
}

async function trades(setup, client, symbol) {
    const market = client.market(symbol);
    const price = setup.price ?? 29000;
    const amount = setup.amount ?? (market.spot ? 0.01 : market.inverse ? 100 : 1);
    const params = setup.params ?? {};
    const balance = await client.fetchBalance(market.spot ? {} : { type: market.type, ...setup.balance });
    assert.ok(Object.keys(balance.total).length > 0, 'a balance');
    const ticker = await client.fetchTicker(symbol);
    assert.ok(ticker.last > 0 || ticker.bid > 0, 'a price');
    const limit = await client.createOrder(symbol, 'limit', 'buy', amount, price, params);
    assert.ok(limit.id, 'an id');
    const open = await client.fetchOpenOrders(symbol);
    assert.ok(
        open.some((order) => order.id === limit.id),
        `${limit.id} is open`,
    );
    await client.cancelOrder(limit.id, symbol);
    assert.deepEqual(
        (await client.fetchOpenOrders(symbol)).filter((order) => order.id === limit.id),
        [],
    );
    if (setup.market !== null) {
        assert.ok((await client.createOrder(symbol, 'market', 'sell', amount, setup.marketPrice, params)).id, 'an id');
    }
}

const chosen = process.argv.slice(2);
for (const setup of list) {
    const name = setup.name ?? setup.id;
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const profile = setup.profile ?? setup.id;
    const secret = setup.pair ? (setup.secret?.() ?? pem(setup.pair)) : (setup.secret?.(name) ?? hex(name));
    const client = clientOf(setup, secret);
    await control('keys', {
        exchange: profile,
        key_id: client.apiKey,
        scheme: setup.scheme ?? 'hmac',
        secret: setup.pair ? undefined : secret,
        public_key: setup.pair && publicOf(pem(setup.pair)),
        passphrase: client.password,
    });
    let isReady = false;
    await check(`${name}: loadMarkets`, async () => {
        await client.loadMarkets();
        for (const symbol of setup.symbols) client.market(symbol);
        isReady = true;
    });
    if (!isReady) continue;
    for (const symbol of setup.symbols) {
        await check(`${name}: ${symbol}`, () => trades(setup, client, symbol));
    }
    await check(`${name}: what was accepted is in the books`, async () => {
        const [book] = (await control(`books?exchange=${profile}&key=${encodeURIComponent(client.apiKey)}`)).keys;
        assert.equal(book.orders, setup.symbols.length * (setup.market === null ? 1 : 2));
        assert.deepEqual(book.refused, {});
        assert.equal(book.repeats, 0);
    });
    await check(`${name}: a wrong secret is refused`, async () => {
        const wrong = clientOf(setup, setup.pair ? (setup.wrong ?? other[setup.pair])() : flipped(secret));
        wrong.setMarkets(Object.values(client.markets), Object.values(client.currencies ?? {}));
        await assert.rejects(wrong.fetchBalance(), (error) => /Error|Denied/.test(error.constructor.name));
        const [book] = (await control(`books?exchange=${profile}&key=${encodeURIComponent(client.apiKey)}`)).keys;
        assert.deepEqual(Object.keys(book.refused), ['signature']);
    });
}
done();
