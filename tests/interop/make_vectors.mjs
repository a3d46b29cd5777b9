/* Writes signed requests of real ccxt, for the schemes that no other vectors cover, into the folder that the argument
 * names, in the format that tests/vectors/run.c reads: PROFILE.json, or PROFILE.WHAT.json.
 *
 * The clock stands still, and random values are zero. ccxt no longer has BitMEX, so its vector comes from an example in
 * the exchange's documentation. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import ccxt from 'ccxt';
import older from 'ccxt-with-bitmex';
import { exchanges, variants } from './exchanges.mjs';

const CLOCK_MS = 1764000000123;
const PARAMS = { symbol: 'BTCUSDT', side: 'buy', quantity: '0.0105', price: '30000.50', note: 'a b+c/d&e=f%g~é' };

// Endpoints of each method and section. The parameters do not suit them; what matters is how the request is built.
const binance = [
    ['private', 'GET', 'openOrders'],
    ['private', 'DELETE', 'openOrders'],
    ['sapi', 'POST', 'asset/transfer'],
    ['fapiPrivate', 'POST', 'leverage'],
    ['dapiPrivate', 'DELETE', 'order'],
];
const bybit = [
    ['private', 'POST', 'v5/order/create'],
    ['private', 'POST', 'v5/asset/withdraw/create'],
    ['private', 'GET', 'v5/order/realtime'],
];
const coinbase = [
    [['v3', 'private'], 'POST', 'brokerage/orders'],
    [['v3', 'private'], 'GET', 'brokerage/orders/historical/batch'],
    [['v3', 'private'], 'PUT', 'brokerage/portfolios/{portfolio_uuid}'],
    [['v3', 'private'], 'DELETE', 'brokerage/portfolios/{portfolio_uuid}'],
    [['v2', 'private'], 'POST', 'accounts/{account_id}/transactions'],
    [['v2', 'private'], 'GET', 'accounts/{account_id}/transactions'],
];
const sources = {
    'binance-rsa': { calls: binance, signed: (r) => /^(.*)&signature=/.exec(r.body ?? r.url.split('?')[1])[1] },
    'binance-ed25519': { calls: binance, signed: (r) => /^(.*)&signature=/.exec(r.body ?? r.url.split('?')[1])[1] },
    'bybit-rsa': {
        calls: bybit,
        signed: ({ headers, body, url }) =>
            headers['X-BAPI-TIMESTAMP'] +
            headers['X-BAPI-API-KEY'] +
            headers['X-BAPI-RECV-WINDOW'] +
            (body ?? url.split('?')[1]),
    },
    'coinbase-es256': {
        calls: coinbase,
        signed: (r) => r.headers.Authorization.slice('Bearer '.length).split('.').slice(0, 2).join('.'),
    },
    'coinbase-eddsa': {
        calls: coinbase,
        signed: (r) => r.headers.Authorization.slice('Bearer '.length).split('.').slice(0, 2).join('.'),
    },
    upbit: {
        calls: [
            ['private', 'POST', 'orders'],
            ['private', 'GET', 'orders/open'],
            ['private', 'DELETE', 'order'],
            ['private', 'POST', 'withdraws/coin'],
        ],
        // The token holds a hash of the unencoded query, in which an & would be ambiguous, so the agent refuses one.
        more: { note: PARAMS.note.replace('&', ',') },
    },
    // Symbols beyond ASCII. An & would be ambiguous where the unencoded query is signed.
    binance: { calls: binance, more: { symbol: '币安人生USDT' } },
    bitget: {
        calls: [
            [['private', 'mix'], 'GET', 'v2/mix/account/account'],
            [['private', 'mix'], 'POST', 'v2/mix/order/place-order'],
        ],
        more: { symbol: '龙虾USDT', note: PARAMS.note.replace('&', ',') },
    },
    gate: {
        calls: [
            [['private', 'spot'], 'GET', 'orders'],
            [['private', 'spot'], 'POST', 'orders'],
        ],
        more: { symbol: '人生K线_USDT', note: PARAMS.note.replace('&', ',') },
    },
    bingx: {
        calls: [
            [['spot', 'v1', 'private'], 'GET', 'trade/openOrders'],
            [['spot', 'v1', 'private'], 'POST', 'trade/order'],
        ],
        more: { symbol: 'MØTH-USDT', note: PARAMS.note.replace('&', ',') },
    },
    gemini: {
        calls: [
            ['private', 'POST', 'v1/order/new'],
            ['private', 'POST', 'v1/withdraw/{currency}'],
        ],
    },
};

/* Calls of each exchange that has other environments, by its name. */
const elsewhere = {
    binance: [
        ['private', 'POST', 'order'],
        ['private', 'GET', 'account'],
    ],
    binanceusdm: [
        ['fapiPrivate', 'POST', 'order'],
        ['fapiPrivate', 'DELETE', 'allOpenOrders'],
    ],
    binancecoinm: [['dapiPrivate', 'POST', 'order']],
    bingx: [
        [['swap', 'v2', 'private'], 'POST', 'trade/order'],
        [['swap', 'v2', 'private'], 'GET', 'trade/openOrders'],
    ],
    bitget: [
        [['private', 'spot'], 'POST', 'v2/spot/trade/place-order'],
        [['private', 'mix'], 'GET', 'v2/mix/order/orders-pending'],
    ],
    bitmex: [
        ['private', 'POST', 'order'],
        ['private', 'GET', 'order'],
    ],
    bitso: [
        ['private', 'POST', 'orders'],
        ['private', 'GET', 'open_orders'],
    ],
    bybit: [
        ['private', 'POST', 'v5/order/create'],
        ['private', 'GET', 'v5/order/realtime'],
    ],
    coinbaseexchange: [
        ['private', 'POST', 'orders'],
        ['private', 'GET', 'orders'],
    ],
    cryptocom: [[['v1', 'private'], 'POST', 'private/create-order']],
    deribit: [['private', 'GET', 'buy']],
    gate: [
        [['private', 'spot'], 'POST', 'orders'],
        [['private', 'spot'], 'GET', 'open_orders'],
    ],
    gemini: [['private', 'POST', 'v1/order/new']],
    htx: [
        [['spot', 'private'], 'POST', 'v1/order/orders/place'],
        [['spot', 'private'], 'GET', 'v1/order/openOrders'],
    ],
    krakenfutures: [
        ['private', 'POST', 'sendorder'],
        ['private', 'GET', 'openorders'],
    ],
    okx: [
        ['private', 'POST', 'trade/order'],
        ['private', 'GET', 'trade/orders-pending'],
    ],
    phemex: [
        ['private', 'POST', 'orders'],
        ['private', 'GET', 'orders/activeList'],
    ],
    upbit: [
        ['private', 'POST', 'orders'],
        ['private', 'GET', 'orders/open'],
    ],
};

function frozen(client) {
    return Object.assign(client, {
        milliseconds: () => CLOCK_MS,
        seconds: () => Math.floor(CLOCK_MS / 1000),
        microseconds: () => CLOCK_MS * 1000,
        uuid: () => '00000000-0000-4000-8000-000000000000',
        uuid16: () => '0'.repeat(16),
        uuid22: () => '0'.repeat(22),
        randomBytes: (size) => '00'.repeat(size),
    });
}

/* ccxt adds the header of OKX's demo after it has signed. */
function signed(exchange, api, method, path, params) {
    const { headers, ...request } = exchange.sign(path, api, method, structuredClone(params));
    const simulated = 'x-simulated-trading';
    const added = exchange.headers?.[simulated] && { [simulated]: exchange.headers[simulated] };
    return { ...request, headers: { ...headers, ...added } };
}

/* The signature in the request, without the transport's encoding. */
function signatureOf({ url, body, headers }) {
    if (headers.Authorization) {
        return headers.Authorization.split('.')[2];
    }
    return headers['X-BAPI-SIGN'] ?? decodeURIComponent(/&signature=([^&]+)$/.exec(body ?? url)[1]);
}

function vectorsOf(name, { calls, signed: messageOf, more }) {
    const { id, rule, scheme, environment, credentials, pem, client } = exchanges[name] ?? variants[name];
    const exchange = frozen(client({ ...ccxt, bitmex: older.bitmex }, credentials));
    let hmacs = [];
    const hmac = exchange.hmac;
    exchange.hmac = (message, key, hash, encoding = 'hex') => {
        const value = hmac(message, key, hash, encoding);
        const bytes = (data) => Buffer.from(data).toString('hex');
        hmacs.push({
            hash: `SHA${8 * hash.outputLen}`,
            message_hex: bytes(message),
            key_hex: bytes(key),
            encoding,
            value,
        });
        return value;
    };
    const vectors = calls.map(([api, method, path]) => {
        const inPath = Object.fromEntries([...path.matchAll(/{(\w+)}/g)].map(([, part]) => [part, 'id-1']));
        const params = { ...PARAMS, ...more, ...inPath };
        hmacs = [];
        const request = signed(exchange, api, method, path, params);
        const vector = { api: [api].flat().join('/'), method, path, params, request };
        if (pem) {
            const message = Buffer.from(messageOf(request));
            const encoding = name.startsWith('coinbase') ? 'base64url' : 'base64';
            return {
                ...vector,
                signatures: [{ scheme, message_hex: message.toString('hex'), encoding, value: signatureOf(request) }],
            };
        }
        if (hmacs.length === 0) {
            hmacs.push(ofToken(request.headers.Authorization.slice('Bearer '.length), credentials.secret));
        }
        return { ...vector, hmac: hmacs };
    });
    if (rule === 'gemini') {
        // Everything is in the payload header, and Gemini demands an empty body.
        vectors.forEach(({ request }) => delete request.body);
    }
    const file = { exchange: id, environment, credentials, clock_ms: CLOCK_MS, vectors };
    if (pem) {
        file.credentials = { apiKey: credentials.apiKey, privateKey: `${pem}\n` };
    }
    return file;
}

/* ccxt does not use its own hmac() for tokens. */
function ofToken(token, secret) {
    const [, message, value] = /^(.*)\.([^.]+)$/.exec(token);
    assert.equal(crypto.createHmac('sha256', secret).update(message).digest('base64url'), value);
    const hex = (text) => Buffer.from(text).toString('hex');
    return { hash: 'SHA256', message_hex: hex(message), key_hex: hex(secret), encoding: 'base64url', value };
}

/* https://www.bitmex.com/app/apiKeysUsage : key, secret and signature are published there. */
function bitmexVectors() {
    const credentials = {
        apiKey: 'LAqUlngMIQkIUjXMUreyu3qn',
        secret: 'chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO',
    };
    const expires = 1518064236;
    const value = 'c7682d435d0cfe87c16098df34ef2eb5a549d4c5a3c2b1f0f77b8af73423bf00';
    const hex = (text) => Buffer.from(text).toString('hex');
    return {
        exchange: 'bitmex',
        credentials,
        clock_ms: (expires - 5) * 1000, // the profile's requests expire after five seconds
        vectors: [
            {
                api: 'private',
                method: 'GET',
                path: 'instrument',
                params: {},
                request: {
                    url: 'https://www.bitmex.com/api/v1/instrument',
                    method: 'GET',
                    headers: { 'api-key': credentials.apiKey, 'api-expires': String(expires), 'api-signature': value },
                },
                hmac: [
                    {
                        hash: 'SHA256',
                        message_hex: hex(`GET/api/v1/instrument${expires}`),
                        key_hex: hex(credentials.secret),
                        encoding: 'hex',
                        value,
                    },
                ],
            },
        ],
    };
}

/* An exchange's client signs the same in every environment: nothing differs but the host, what is made of it, and the
 * environment's own headers. */
function checkAlike(name) {
    const { of, credentials, client } = variants[name];
    const classes = { ...ccxt, bitmex: older.bitmex };
    const [live, other] = [exchanges[of].client(classes, credentials), client(classes, credentials)].map(frozen);
    for (const [api, method, path] of elsewhere[of]) {
        const made = [live, other].map((each) => signed(each, api, method, path, PARAMS));
        const [ours, theirs] = made.map(({ url, body, headers = {} }) => {
            const { pathname, search } = new URL(url);
            const bare = search.replace(/Signature=[^&]+/, '');
            const { PAPTRADING, 'x-simulated-trading': simulated, ...rest } = headers;
            return { pathname, search: bare, body, headers: rest };
        });
        assert.deepEqual(theirs, ours, `${name} ${method} ${path}`);
        assert.notDeepEqual(made[0], made[1], `${name} is live`);
    }
}

const [folder] = process.argv.slice(2);
for (const [name, source] of Object.entries(sources)) {
    write(
        name === exchanges[name].profile ? name : `${exchanges[name].profile}.${exchanges[name].scheme}`,
        vectorsOf(name, source),
    );
}
write('bitmex', bitmexVectors());
for (const [name, { of, profile, environment }] of Object.entries(variants)) {
    checkAlike(name);
    // Binance's other classes share a profile; upbit refuses an & (above).
    const what = of === profile || of === profile.replace('-', '') ? environment : `${of}-${environment}`;
    write(`${profile}.${what}`, vectorsOf(name, { calls: elsewhere[of], more: sources[of]?.more }));
}

function write(name, file) {
    fs.writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(file, null, 1)}\n`);
}
