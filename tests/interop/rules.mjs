/* The exchanges' rules for a signed request, written from their documentation, not from any client.
 *
 * A rule takes a request as it arrived over HTTP (method, host, path, query, headers in lower case, body) and the
 * credentials that the exchange has on file. It throws if the signature or anything else is wrong. It returns the
 * `moment` at which the request was made (clock, nonce, random values), so that another client can be set to the same
 * moment. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

const digest = (hash, data, encoding) => crypto.createHash(hash).update(data).digest(encoding);
const mac = (hash, secret, data, encoding = 'hex') => crypto.createHmac(hash, secret).update(data).digest(encoding);
const fromBase64 = (text) => Buffer.from(text, 'base64');

function same(given, wanted, what) {
    assert.ok(typeof given === 'string' && given.length > 0, `no ${what}`);
    assert.equal(given, wanted, `wrong ${what}`);
}

const withQuery = (r) => r.path + (r.query === '' ? '' : `?${r.query}`);

/* The fields of a form, in order, decoded. */
export function fields(text) {
    return text === ''
        ? []
        : text.split('&').map((field) => {
              const at = field.indexOf('=');
              assert.ok(at > 0, `'${field}' is no field`);
              return [decodeURIComponent(field.slice(0, at)), decodeURIComponent(field.slice(at + 1))];
          });
}

/* The same query or form, sorted by name in byte order. */
const byName = (text) =>
    text
        .split('&')
        .sort((a, b) => (a.split('=')[0] < b.split('=')[0] ? -1 : 1))
        .join('&');

const undecorated = (text) =>
    fields(text)
        .map(([name, value]) => `${name}=${value}`)
        .join('&');

/* Accepts only times of a real clock, so that a nonce in the wrong unit does not pass. */
function recent(ms) {
    assert.ok(
        Number.isSafeInteger(ms) && Math.abs(ms - Date.now()) < 3_600_000,
        `${ms} is not the time in milliseconds`,
    );
    return ms;
}
const milliseconds = (text) => recent(/^\d{13}$/.test(text) ? Number(text) : NaN);
const seconds = (text) => recent(/^\d{10}$/.test(text) ? Number(text) * 1000 : NaN);

function typed(r, type = 'application/json') {
    if (r.body !== '') {
        same(r.headers['content-type']?.split(';')[0], type, 'Content-Type');
    }
}

/* Returns the header and claims of a JSON Web Token, after `verify(signed, signature, alg)` has accepted it. */
function token(r, verify) {
    const [scheme, jwt] = r.headers.authorization.split(' ');
    assert.equal(scheme, 'Bearer');
    const parts = jwt.split('.');
    assert.equal(parts.length, 3, 'a token has three parts');
    assert.ok(
        parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part)),
        'base64url without padding',
    );
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    assert.equal(header.typ, 'JWT');
    assert.ok(
        verify(Buffer.from(`${parts[0]}.${parts[1]}`), Buffer.from(parts[2], 'base64url'), header.alg),
        'wrong signature',
    );
    return { header, claims };
}

/* https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security : HMAC-SHA256 of query and body
 * without a separator; RSA and Ed25519 signatures in base64, percent-encoded. */
function binance(r, c) {
    same(r.headers['x-mbx-apikey'], c.apiKey, 'X-MBX-APIKEY');
    typed(r, 'application/x-www-form-urlencoded');
    const [, signed, signature] =
        /^(.*)&signature=([^&]+)$/.exec(r.query + r.body) ?? assert.fail('no signature at the end');
    if (c.publicKey) {
        const hash = c.publicKey.asymmetricKeyType === 'rsa' ? 'sha256' : null;
        assert.ok(
            crypto.verify(hash, Buffer.from(signed), c.publicKey, fromBase64(decodeURIComponent(signature))),
            'wrong signature',
        );
    } else {
        same(signature, mac('sha256', c.secret, signed), 'signature');
    }
    const given = Object.fromEntries(fields(signed));
    return { ms: milliseconds(given.timestamp) };
}

/* https://bybit-exchange.github.io/docs/v5/guide#authentication : time, key, window, then the query or the body. */
function bybit(r, c) {
    const h = r.headers;
    same(h['x-bapi-api-key'], c.apiKey, 'X-BAPI-API-KEY');
    typed(r);
    assert.match(h['x-bapi-recv-window'], /^[1-9]\d{2,4}$/);
    const signed = h['x-bapi-timestamp'] + c.apiKey + h['x-bapi-recv-window'] + (r.method === 'GET' ? r.query : r.body);
    if (c.publicKey) {
        assert.ok(
            crypto.verify('sha256', Buffer.from(signed), c.publicKey, fromBase64(h['x-bapi-sign'])),
            'wrong signature',
        );
    } else {
        same(h['x-bapi-sign'], mac('sha256', c.secret, signed), 'X-BAPI-SIGN');
    }
    return { ms: milliseconds(h['x-bapi-timestamp']), window: Number(h['x-bapi-recv-window']) };
}

/* https://www.okx.com/docs-v5/en/#overview-rest-authentication */
function okx(r, c) {
    const h = r.headers;
    same(h['ok-access-key'], c.apiKey, 'OK-ACCESS-KEY');
    same(h['ok-access-passphrase'], c.password, 'OK-ACCESS-PASSPHRASE');
    assert.match(h['ok-access-timestamp'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    typed(r);
    const signed = h['ok-access-timestamp'] + r.method + withQuery(r) + r.body;
    same(h['ok-access-sign'], mac('sha256', c.secret, signed, 'base64'), 'OK-ACCESS-SIGN');
    return { ms: recent(Date.parse(h['ok-access-timestamp'])) };
}

/* https://docs.cdp.coinbase.com/get-started/authentication/jwt-authentication : the token names method, host and path,
 * and expires after two minutes. */
function coinbase(r, c) {
    const { header, claims } = token(r, (signed, signature, alg) => {
        if (c.publicKey.asymmetricKeyType === 'ed25519') {
            assert.equal(alg, 'EdDSA');
            return crypto.verify(null, signed, c.publicKey, signature);
        }
        assert.equal(alg, 'ES256');
        return crypto.verify('sha256', signed, { key: c.publicKey, dsaEncoding: 'ieee-p1363' }, signature);
    });
    typed(r);
    same(header.kid, c.apiKey, 'kid');
    assert.match(header.nonce, /^[0-9a-f]{16,64}$/);
    same(claims.sub, c.apiKey, 'sub');
    assert.ok(['cdp', 'coinbase-cloud'].includes(claims.iss), 'iss');
    same(claims.uri ?? claims.uris?.[0], `${r.method} ${r.host}${r.path}`, 'uri');
    assert.equal(claims.exp - claims.nbf, 120);
    return { ms: seconds(String(claims.nbf)), random: header.nonce };
}

/* https://docs.cdp.coinbase.com/exchange/rest-api/authentication */
function coinbaseexchange(r, c) {
    const h = r.headers;
    same(h['cb-access-key'], c.apiKey, 'CB-ACCESS-KEY');
    same(h['cb-access-passphrase'], c.password, 'CB-ACCESS-PASSPHRASE');
    typed(r);
    const signed = h['cb-access-timestamp'] + r.method + withQuery(r) + r.body;
    same(h['cb-access-sign'], mac('sha256', fromBase64(c.secret), signed, 'base64'), 'CB-ACCESS-SIGN');
    return { ms: seconds(h['cb-access-timestamp']) };
}

/* https://docs.kraken.com/api/docs/guides/spot-rest-auth */
function kraken(r, c) {
    const h = r.headers;
    same(h['api-key'], c.apiKey, 'API-Key');
    const isJson = h['content-type'].startsWith('application/json');
    typed(r, isJson ? 'application/json' : 'application/x-www-form-urlencoded');
    const nonce = isJson ? String(JSON.parse(r.body).nonce) : Object.fromEntries(fields(r.body)).nonce;
    assert.match(nonce, /^\d{10,19}$/);
    const signed = Buffer.concat([Buffer.from(r.path), digest('sha256', nonce + r.body)]);
    same(h['api-sign'], mac('sha512', fromBase64(c.secret), signed, 'base64'), 'API-Sign');
    return { ms: milliseconds(nonce) };
}

/* https://docs.kraken.com/api/docs/guides/futures-rest : the parameters as sent, the nonce if there is one, and the
 * path without /derivatives. */
function krakenfutures(r, c) {
    const h = r.headers;
    same(h.apikey, c.apiKey, 'APIKey');
    typed(r, 'application/x-www-form-urlencoded');
    assert.ok(r.path.startsWith('/derivatives/'));
    const signed = r.query + r.body + (h.nonce ?? '') + r.path.slice('/derivatives'.length);
    same(h.authent, mac('sha512', fromBase64(c.secret), digest('sha256', signed), 'base64'), 'Authent');
    return h.nonce === undefined ? {} : { nonce: h.nonce };
}

/* https://www.kucoin.com/docs-new/authentication : version 2 and later sign the pass phrase as well. */
function kucoin(r, c) {
    const h = r.headers;
    same(h['kc-api-key'], c.apiKey, 'KC-API-KEY');
    assert.match(h['kc-api-key-version'], /^[23]$/);
    same(h['kc-api-passphrase'], mac('sha256', c.secret, c.password, 'base64'), 'KC-API-PASSPHRASE');
    typed(r);
    const signed = h['kc-api-timestamp'] + r.method + withQuery(r) + r.body;
    same(h['kc-api-sign'], mac('sha256', c.secret, signed, 'base64'), 'KC-API-SIGN');
    return { ms: milliseconds(h['kc-api-timestamp']) };
}

/* https://www.bitget.com/api-doc/common/signature : the query is signed before it is encoded. */
function bitget(r, c) {
    const h = r.headers;
    same(h['access-key'], c.apiKey, 'ACCESS-KEY');
    same(h['access-passphrase'], c.password, 'ACCESS-PASSPHRASE');
    typed(r);
    const query = r.query === '' ? '' : `?${undecorated(r.query)}`;
    const signed = h['access-timestamp'] + r.method + r.path + query + r.body;
    same(h['access-sign'], mac('sha256', c.secret, signed, 'base64'), 'ACCESS-SIGN');
    return { ms: milliseconds(h['access-timestamp']) };
}

/* https://www.gate.com/docs/developers/apiv4/en/#apiv4-signed-request-requirements : the query without encoding. */
function gate(r, c) {
    const h = r.headers;
    same(h.key, c.apiKey, 'KEY');
    typed(r);
    const signed = [r.method, r.path, undecorated(r.query), digest('sha512', r.body, 'hex'), h.timestamp].join('\n');
    same(h.sign, mac('sha512', c.secret, signed), 'SIGN');
    return { ms: seconds(h.timestamp) };
}

/* https://www.mexc.com/api-docs/spot-v3/general-info#signed (hosts api.mexc.com, /api/v3) and
 * https://www.mexc.com/api-docs/futures/integration-guide (key, time, then the sorted query or the body). */
function mexc(r, c) {
    const h = r.headers;
    if (r.path.startsWith('/api/v3/')) {
        same(h['x-mexc-apikey'], c.apiKey, 'X-MEXC-APIKEY');
        const [, signed, signature] =
            /^(.*)&signature=([0-9a-f]+)$/.exec(r.query + r.body) ?? assert.fail('no signature at the end');
        same(signature, mac('sha256', c.secret, signed), 'signature');
        return { ms: milliseconds(Object.fromEntries(fields(signed)).timestamp) };
    }
    same(h.apikey, c.apiKey, 'ApiKey');
    typed(r);
    const names = fields(r.query).map(([name]) => name);
    assert.deepEqual(names, [...names].sort(), 'the query is sorted');
    same(h.signature, mac('sha256', c.secret, c.apiKey + h['request-time'] + r.query + r.body), 'Signature');
    return { ms: milliseconds(h['request-time']) };
}

/* https://www.htx.com/en-us/opend/newApiPages/ "Authentication": the query sorted by name in byte order. */
function htx(r, c) {
    const given = Object.fromEntries(fields(r.query));
    same(given.AccessKeyId, c.apiKey, 'AccessKeyId');
    same(given.SignatureMethod, 'HmacSHA256', 'SignatureMethod');
    same(given.SignatureVersion, '2', 'SignatureVersion');
    assert.match(given.Timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    typed(r);
    const sorted = byName(
        r.query
            .split('&')
            .filter((field) => !field.startsWith('Signature='))
            .join('&'),
    );
    same(
        given.Signature,
        mac('sha256', c.secret, [r.method, r.host, r.path, sorted].join('\n'), 'base64'),
        'Signature',
    );
    return { ms: recent(Date.parse(`${given.Timestamp}Z`)) };
}

/* https://docs.bitfinex.com/docs/rest-auth */
function bitfinex(r, c) {
    const h = r.headers;
    same(h['bfx-apikey'], c.apiKey, 'bfx-apikey');
    typed(r);
    assert.match(h['bfx-nonce'], /^\d{13,16}$/);
    same(h['bfx-signature'], mac('sha384', c.secret, `/api${r.path}${h['bfx-nonce']}${r.body}`), 'bfx-signature');
    return { nonce: h['bfx-nonce'] };
}

/* https://www.bitstamp.net/api/#section/What-is-API/Authentication : no Content-Type is signed or sent without a
 * body. */
function bitstamp(r, c) {
    const h = r.headers;
    same(h['x-auth'], `BITSTAMP ${c.apiKey}`, 'X-Auth');
    assert.match(h['x-auth-nonce'], /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    same(h['x-auth-version'], 'v2', 'X-Auth-Version');
    assert.equal(h['content-type'] ?? '', r.body === '' ? '' : 'application/x-www-form-urlencoded');
    const signed = [
        h['x-auth'],
        r.method,
        r.host,
        withQuery(r),
        h['content-type'] ?? '',
        h['x-auth-nonce'],
        h['x-auth-timestamp'],
        'v2',
        r.body,
    ].join('');
    same(h['x-auth-signature'].toLowerCase(), mac('sha256', c.secret, signed), 'X-Auth-Signature');
    return { ms: milliseconds(h['x-auth-timestamp']), uuid: h['x-auth-nonce'] };
}

/* https://docs.deribit.com/articles/authentication "Signature credentials" over REST */
function deribit(r, c) {
    const [, id, ts, sig, nonce] =
        /^deri-hmac-sha256 id=([^,]+),ts=(\d+),sig=([0-9a-f]+),nonce=([0-9a-z]+)$/.exec(r.headers.authorization) ??
        assert.fail('Authorization');
    same(id, c.apiKey, 'id');
    same(sig, mac('sha256', c.secret, `${ts}\n${nonce}\n${r.method}\n${withQuery(r)}\n${r.body}\n`), 'sig');
    return { ms: milliseconds(ts), nonce };
}

/* https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#digital-signature : names and values joined without a
 * separator, sorted, inside objects and lists too. */
function cryptocom(r, c) {
    const text = (value) => {
        if (Array.isArray(value)) {
            return value.map(text).join('');
        }
        if (value !== null && typeof value === 'object') {
            return Object.keys(value)
                .sort()
                .map((name) => name + text(value[name]))
                .join('');
        }
        return value === null ? 'null' : String(value);
    };
    typed(r);
    const sent = JSON.parse(r.body);
    same(sent.api_key, c.apiKey, 'api_key');
    assert.ok(r.path.endsWith(`/${sent.method}`), 'method');
    same(
        sent.sig,
        mac('sha256', c.secret, sent.method + sent.id + sent.api_key + text(sent.params ?? {}) + sent.nonce),
        'sig',
    );
    return { ms: milliseconds(String(sent.nonce)), id: sent.id };
}

/* https://bingx-api.github.io/docs/#/en-us/spot/authentication.html : the parameters sorted and without encoding. */
function bingx(r, c) {
    same(r.headers['x-bx-apikey'], c.apiKey, 'X-BX-APIKEY');
    const isJson = (r.headers['content-type'] ?? '').startsWith('application/json');
    const given = isJson ? Object.entries(JSON.parse(r.body)) : fields(r.query + r.body);
    const signed = given.filter(([name]) => name !== 'signature').sort(([a], [b]) => (a < b ? -1 : 1));
    const all = Object.fromEntries(given);
    same(
        all.signature,
        mac('sha256', c.secret, signed.map(([name, value]) => `${name}=${value}`).join('&')),
        'signature',
    );
    return { ms: milliseconds(String(all.timestamp)) };
}

/* https://docs.whitebit.com/private/http-auth/ */
function whitebit(r, c) {
    const h = r.headers;
    same(h['x-txc-apikey'], c.apiKey, 'X-TXC-APIKEY');
    typed(r);
    same(h['x-txc-payload'], Buffer.from(r.body).toString('base64'), 'X-TXC-PAYLOAD');
    same(h['x-txc-signature'], mac('sha512', c.secret, h['x-txc-payload']), 'X-TXC-SIGNATURE');
    const sent = JSON.parse(r.body);
    same(sent.request, r.path, 'request');
    return { ms: milliseconds(String(sent.nonce)) };
}

/* https://docs.bitvavo.com/docs/rest-api/#authentication */
function bitvavo(r, c) {
    const h = r.headers;
    same(h['bitvavo-access-key'], c.apiKey, 'Bitvavo-Access-Key');
    typed(r);
    const signed = h['bitvavo-access-timestamp'] + r.method + withQuery(r) + r.body;
    same(h['bitvavo-access-signature'], mac('sha256', c.secret, signed), 'Bitvavo-Access-Signature');
    return { ms: milliseconds(h['bitvavo-access-timestamp']), window: Number(h['bitvavo-access-window'] ?? 10000) };
}

/* https://phemex-docs.github.io/#rest-request-header : path, query, expiry and body; the query without encoding. */
function phemex(r, c) {
    const h = r.headers;
    same(h['x-phemex-access-token'], c.apiKey, 'x-phemex-access-token');
    typed(r);
    const expiry = h['x-phemex-request-expiry'];
    same(
        h['x-phemex-request-signature'],
        mac('sha256', c.secret, r.path + undecorated(r.query) + expiry + r.body),
        'x-phemex-request-signature',
    );
    return { ms: recent(seconds(expiry) - 60_000) };
}

/* https://api-docs.poloniex.com/spot/api/ "Authentication"; futures (v3) are the same. */
function poloniex(r, c) {
    const h = r.headers;
    same(h.key, c.apiKey, 'key');
    typed(r);
    const time = `signTimestamp=${h.signtimestamp}`;
    const params =
        r.method === 'GET'
            ? byName(r.query === '' ? time : `${r.query}&${time}`)
            : (r.body === '' ? '' : `requestBody=${r.body}&`) + time;
    same(h.signature, mac('sha256', c.secret, `${r.method}\n${r.path}\n${params}`, 'base64'), 'signature');
    return { ms: milliseconds(h.signtimestamp) };
}

/* https://docs.bitso.com/bitso-api/docs/create-signed-requests */
function bitso(r, c) {
    const [, key, nonce, signature] =
        /^Bitso ([^:]+):(\d+):([0-9a-f]+)$/.exec(r.headers.authorization) ?? assert.fail('Authorization');
    same(key, c.apiKey, 'key');
    same(signature, mac('sha256', c.secret, nonce + r.method + withQuery(r) + r.body), 'signature');
    return { ms: milliseconds(nonce) };
}

/* https://global-docs.upbit.com/reference/auth : the token contains the hash of the parameters as an unencoded
 * query, including those of the body. */
function upbit(r, c) {
    const { claims } = token(r, (signed, signature, alg) => {
        assert.match(alg, /^HS(256|512)$/);
        return mac(`sha${alg.slice(2)}`, c.secret, signed, 'base64url') === signature.toString('base64url');
    });
    same(claims.access_key, c.apiKey, 'access_key');
    assert.match(claims.nonce, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    typed(r);
    const pairs = r.body === '' ? fields(r.query) : Object.entries(JSON.parse(r.body));
    const query = pairs.map(([name, value]) => `${name}=${value}`).join('&');
    if (query !== '') {
        same(claims.query_hash, digest('sha512', query, 'hex'), 'query_hash');
        same(claims.query_hash_alg ?? 'SHA512', 'SHA512', 'query_hash_alg');
    }
    return { uuid: claims.nonce };
}

/* https://docs.gemini.com/rest/authentication : everything is in the payload header, and the body stays empty. */
function gemini(r, c) {
    const h = r.headers;
    same(h['x-gemini-apikey'], c.apiKey, 'X-GEMINI-APIKEY');
    same(h['x-gemini-signature'], mac('sha384', c.secret, h['x-gemini-payload']), 'X-GEMINI-SIGNATURE');
    const sent = JSON.parse(fromBase64(h['x-gemini-payload']));
    same(sent.request, r.path, 'request');
    return { nonce: String(sent.nonce) };
}

/* https://www.bitmex.com/app/apiKeysUsage : method, path with query, expiry and body. requests of ccxt and
 * of the profile expire after five seconds. */
function bitmex(r, c) {
    const h = r.headers;
    same(h['api-key'], c.apiKey, 'api-key');
    const signed = r.method + withQuery(r) + h['api-expires'] + r.body;
    same(h['api-signature'], mac('sha256', c.secret, signed), 'api-signature');
    return { ms: seconds(h['api-expires']) - 5000 };
}

export const rules = {
    binance,
    binancecoinm: binance,
    binanceusdm: binance,
    bingx,
    bitfinex,
    bitget,
    bitmex,
    bitso,
    bitstamp,
    bitvavo,
    bybit,
    coinbase,
    coinbaseexchange,
    cryptocom,
    deribit,
    gate,
    gemini,
    htx,
    kraken,
    krakenfutures,
    kucoin,
    kucoinfutures: kucoin,
    mexc,
    okx,
    phemex,
    poloniex,
    upbit,
    whitebit,
};
