/* Prints the private calls that the clients' tables list: {profile: {client: [[method, host, path], ...]}}, as JSON.
 *
 * For ccxt, each line of its table is signed with made-up credentials, because only its code knows hosts and versions. A
 * call is private if ccxt refuses to make it without the secret. The SDKs have no tables, so their programs are read.
 * Values in paths become {}. scripts/coverage compares the calls with the profiles. */
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

globalThis.crypto ??= crypto.webcrypto; // ccxt expects it here, and Node 18 does not put it here

const { default: ccxt } = await import('ccxt');
const { default: older } = await import('ccxt-with-bitmex');

const VALUE = 'pathvalue';
const MODULES = path.resolve('node_modules');

// Profile, and the exchanges of ccxt whose keys are the profile's.
const exchanges = {
    binance: ['binance'],
    bingx: ['bingx'],
    bitfinex: ['bitfinex'],
    bitget: ['bitget'],
    bitso: ['bitso'],
    bitstamp: ['bitstamp'],
    bitvavo: ['bitvavo'],
    bybit: ['bybit'],
    coinbase: ['coinbase'],
    'coinbase-exchange': ['coinbaseexchange'],
    cryptocom: ['cryptocom'],
    deribit: ['deribit'],
    gate: ['gate'],
    gemini: ['gemini'],
    htx: ['htx'],
    kraken: ['kraken'],
    'kraken-futures': ['krakenfutures'],
    kucoin: ['kucoin', 'kucoinfutures'],
    mexc: ['mexc'],
    okx: ['okx'],
    phemex: ['phemex'],
    poloniex: ['poloniex'],
    upbit: ['upbit'],
    whitebit: ['whitebit'],
};

const sdks = [
    ['binance', 'binance', ['main-client.js', 'usdm-client.js', 'coinm-client.js', 'portfolio-client.js']],
    ['bybit', 'bybit-api', ['rest-client-v5.js']],
];

// ---- ccxt ----

/* The lines of an exchange's table, which its constructor passes on one by one. */
function linesOf(Exchange) {
    const lines = [];
    class Listed extends Exchange {
        defineRestApiEndpoint(name, method, lower, camel, path, paths) {
            lines.push({ method, path, api: paths.length > 1 ? paths : paths[0] });
        }
    }
    new Listed();
    return lines;
}

const credentials = {
    apiKey: 'account-key', // Gemini's have the kind in front
    secret: Buffer.alloc(32, 1).toString('base64'),
    password: 'phrase',
    uid: '1',
    login: 'login',
    privateKey: `0x${'11'.repeat(32)}`,
    walletAddress: `0x${'11'.repeat(20)}`,
    token: '',
};

/* ccxt lists some calls in parts of the API for which it has no address; another part's address will do. */
function complete(urls, parts) {
    const [part, ...more] = parts;
    if (part === undefined) return;
    urls[part] ??= Object.values(urls)[0];
    if (typeof urls[part] === 'object') complete(urls[part], more);
}

function sign(exchange, line) {
    complete(exchange.urls.api, [line.api].flat());
    const values = Object.fromEntries([...line.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, VALUE]));
    try {
        return exchange.sign(line.path, line.api, line.method, values);
    } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return exchange.sign(line.path, line.api, line.method, [values]); // a call that takes a list
    }
}

function canSign(exchange, line) {
    try {
        return sign(exchange, line) !== undefined;
    } catch {
        return false;
    }
}

function call(exchange, line) {
    const { url, method } = sign(exchange, line);
    const { host, pathname } = new URL(url);
    return [method ?? line.method, host, pathname.replaceAll(new RegExp(VALUE, 'gi'), '{}')];
}

function privateCalls(Exchange) {
    const exchange = new Exchange(credentials);
    const keyless = new Exchange({ apiKey: credentials.apiKey, token: '' });
    return linesOf(Exchange)
        .filter((line) => canSign(exchange, line) && !canSign(keyless, line))
        .map((line) => call(exchange, line));
}

// ---- SDKs ----

function callsIn(program) {
    const made = /this\.(get|post|put|delete)Private(?:File)?\(\s*['"`]\/?([^'"`?]+)/g;
    return [...program.matchAll(made)].map(([, method, path]) => [
        method.toUpperCase(),
        '',
        `/${path.replaceAll(/\$\{[^}]*\}/g, '{}')}`,
    ]);
}

const tables = {};
const add = (profile, client, calls) => {
    const unique = [...new Map(calls.map((each) => [each.join(' '), each])).values()];
    (tables[profile] ??= {})[client] = unique.sort();
};

for (const [profile, ids] of Object.entries(exchanges)) {
    add(
        profile,
        'ccxt',
        ids.flatMap((id) => privateCalls(ccxt[id])),
    );
}
add('bitmex', 'ccxt-with-bitmex', privateCalls(older.bitmex));
for (const [profile, name, files] of sdks) {
    const programs = files.map((file) => fs.readFileSync(path.join(MODULES, name, 'lib', file), 'utf8'));
    add(profile, name, programs.flatMap(callsIn));
}
console.log(JSON.stringify(tables));
