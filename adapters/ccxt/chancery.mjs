/* ccxt with the secrets left in the agent:
 *
 *     const exchange = chancery(new ccxt.binance({ ... }), { key: 'binance-main' });
 *
 * The class's own sign() runs with placeholders for credentials, to learn which request ccxt would send. The agent
 * builds that request again from the same parameters, and the agent's request is the one that is sent. Public calls stay
 * with ccxt. `apiKey` is public and may be set; only calls that ccxt sends with the key id but unsigned use it. */
import {
    AuthenticationError,
    BadRequest,
    ExchangeError,
    ExchangeNotAvailable,
    NotSupported,
    PermissionDenied,
    RateLimitExceeded,
} from 'ccxt';
import { ChanceryError, sign } from '../node/agent.mjs';

// Some sign() decode the secret from base64, and Gemini's expects "account" in the key id; these values suit all of them.
const PLACEHOLDERS = { apiKey: 'account-chancery', secret: 'chancery' };
// Demo trading at Bitget and OKX uses the real host and one of these headers; without it, a demo order would be a real one.
// The agent adds it for keys of that environment.
const DEMO_HEADERS = ['paptrading', 'x-simulated-trading'];
// Parameters that ccxt sends although the exchange does not ask for them, so no profile lists them: broker names, or a
// symbol in addition to an order's id. An entry without a path is left out of every call.
const IGNORED = { cryptocom: ['broker_id'], htx: ['channel_code'], poloniex: ['orders/{id} symbol'] };
// Lists that ccxt sends as a single text, which the exchange accepts too.
const LISTS = {
    bitmex: ['DELETE order orderID', 'DELETE order clOrdID'],
    coinbase: ['GET brokerage/orders/historical/batch order_status'],
    coinbaseexchange: ['GET orders status'],
};
// Exchanges to which JSON in a parameter is text.
const JSON_IS_TEXT = ['bitmex'];
// For how long a request is good: where sign() writes it, by what name the agent takes it, and what the agent writes if it
// is not given.
const WINDOWS = {
    bitvavo: { header: 'BITVAVO-ACCESS-WINDOW', param: 'window', usual: '10000' },
    bybit: { header: 'X-BAPI-RECV-WINDOW', param: 'recv_window', usual: '5000' },
    mexc: { param: 'recvWindow', usual: '5000' },
};
// Regional classes of ccxt, each of which is another class at other hosts.
const REGIONS = { bybiteu: 'bybit', bybitid: 'bybit', gateeu: 'gate', myokx: 'okx', okxus: 'okx' };
const ERRORS = {
    400: BadRequest,
    403: PermissionDenied,
    404: NotSupported,
    405: NotSupported,
    413: BadRequest,
    423: AuthenticationError,
    429: RateLimitExceeded,
    502: ExchangeNotAvailable,
    503: ExchangeNotAvailable,
};

export function chancery(exchange, agent) {
    const ccxtSign = exchange.sign.bind(exchange);
    const ccxtFetch = exchange.fetch.bind(exchange);
    const questions = new WeakMap(); // by the headers object that fetch2() carries from sign() to fetch()
    let isPrivate = false;

    for (const [name, isRequired] of Object.entries(exchange.requiredCredentials)) {
        if (isRequired && name !== 'apiKey') {
            exchange[name] = PLACEHOLDERS.secret;
        }
    }
    // Every sign() calls this when it needs the credentials; other code calls it to find out whether there are any.
    exchange.checkRequiredCredentials = () => {
        isPrivate = true;
        return true;
    };
    exchange.sign = (path, api, method = 'GET', params = {}, headers = undefined, body = undefined) => {
        const keyId = exchange.apiKey;
        let request;
        isPrivate = false;
        exchange.apiKey = PLACEHOLDERS.apiKey;
        try {
            request = ccxtSign(path, api, method, params, headers, body);
        } finally {
            exchange.apiKey = keyId;
        }
        if (!isPrivate) {
            return ccxtSign(path, api, method, params, headers, body);
        }
        refuseOwnTime(exchange);
        request.headers = request.headers ?? {};
        questions.set(request.headers, questionOf(exchange, path, params, request));
        return request;
    };
    exchange.fetch = async (url, method, headers, body) => {
        const question = headers && questions.get(headers);
        if (!question) {
            return ccxtFetch(url, method, headers, body);
        }
        const finished = await ask(exchange, question, agent);
        refuseRealOrder(exchange, { ...exchange.headers, ...headers }, finished.headers, agent);
        return ccxtFetch(finished.url, finished.method, finished.headers, finished.body);
    };
    return exchange;
}

function classOf(exchange) {
    return REGIONS[exchange.id] ?? exchange.id;
}

function refuseRealOrder(exchange, asked, finished, { key }) {
    const has = (headers, wanted) => Object.keys(headers).some((name) => name.toLowerCase() === wanted);
    if (DEMO_HEADERS.some((name) => has(asked, name) && !has(finished, name))) {
        throw new NotSupported(
            `${exchange.id} chancery: the client is in demo mode, but key '${key}' is not; nothing was sent. Give the key ` +
                "its 'environment' in the agent's policy",
        );
    }
}

async function ask(exchange, question, agent) {
    try {
        return await sign(question, agent);
    } catch (error) {
        if (!(error instanceof ChanceryError)) {
            throw error;
        }
        const Kind = ERRORS[error.status] ?? ExchangeError;
        throw new Kind(`${exchange.id} ${error.message}`);
    }
}

/* Returns what to ask the agent for: the call that `request` makes, with the parameters it was made from. */
function questionOf(exchange, path, params, request) {
    const url = new URL(request.url);
    return {
        method: request.method,
        host: url.host,
        path: url.pathname,
        params: plain(exchange, path, paramsOf(exchange, path, params, request)),
    };
}

/* Returns the parameters as they ended up in the request: repeats what sign() did to `params`, or undoes it. */
function paramsOf(exchange, path, params, request) {
    if (Array.isArray(params)) {
        return JSON.parse(request.body); // the whole body is the list
    }
    const sent = exchange.omit(params, exchange.extractParams(path));
    if (exchange.id.startsWith('binance') && exchange.options.recvWindow !== undefined) {
        sent.recvWindow = sent.recvWindow ?? exchange.options.recvWindow;
    }
    const window = windowOf(exchange, request);
    if (window !== undefined) {
        sent[WINDOWS[classOf(exchange)].param] ??= window;
    }
    if (exchange.id === 'kraken' && sent.close) {
        Object.entries(sent.close).forEach(([name, value]) => (sent[`close[${name}]`] = value));
        delete sent.close;
    }
    if (exchange.options.versions) {
        delete sent.version; // KuCoin, Kraken futures: it is in the path
    }
    for (const [name, value] of Object.entries(sent)) {
        if (typeof value === 'string' && LISTS[classOf(exchange)]?.includes(`${request.method} ${path} ${name}`)) {
            sent[name] = [value];
        }
    }
    return sent;
}

/* Returns the receive window that `request` has, if it is not the usual one. */
function windowOf(exchange, request) {
    const { header, param, usual } = WINDOWS[classOf(exchange)] ?? {};
    if (param === undefined) {
        return undefined;
    }
    const fields = new URLSearchParams(new URL(request.url).search);
    const written = request.headers[header] ?? fields.get(param) ?? memberOf(request.body, param);
    return written === undefined || String(written) === usual ? undefined : String(written);
}

function memberOf(body, name) {
    if (typeof body !== 'string' || body === '') {
        return undefined;
    }
    return body.startsWith('{') ? JSON.parse(body)[name] : (new URLSearchParams(body).get(name) ?? undefined);
}

/* The agent signs with its own clock and counts nonces itself, so a bot's own would have no effect. Saying so is better
 * than ignoring them. */
function refuseOwnTime(exchange) {
    const { adjustForTimeDifference, timeDifference, nonce } = exchange.options;
    if (adjustForTimeDifference || timeDifference) {
        throw new NotSupported(
            `${exchange.id}: options.adjustForTimeDifference has no effect: the agent signs with its own clock; set that ` +
                'clock by NTP, and turn the option off',
        );
    }
    if (exchange.nonce !== Object.getPrototypeOf(exchange).nonce || (nonce !== undefined && nonce !== 'milliseconds')) {
        throw new NotSupported(
            `${exchange.id}: the agent assigns nonces itself, so neither nonce() nor options.nonce has an effect; leave ` +
                'them out',
        );
    }
}

/* Converts a value to what the agent accepts. The agent takes no reals, because binary floating point has no place in an
 * order; they become decimal text. Lists and objects that ccxt has already written as JSON for a query are parsed. */
function plain(exchange, path, value) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
        return exchange.numberToString(value);
    }
    if (typeof value === 'string' && exchange.isJsonEncodedObject(value) && !JSON_IS_TEXT.includes(classOf(exchange))) {
        return fromJson(exchange, path, value);
    }
    if (Array.isArray(value)) {
        return value.map((item) => plain(exchange, path, item));
    }
    if (value !== null && typeof value === 'object') {
        const isIgnored = (name) =>
            IGNORED[classOf(exchange)]?.some((entry) => entry === name || entry === `${path} ${name}`);
        const members = Object.entries(value).filter(([name]) => !isIgnored(name));
        return Object.fromEntries(members.map(([name, item]) => [name, plain(exchange, path, item)]));
    }
    return value;
}

function fromJson(exchange, path, text) {
    try {
        return plain(exchange, path, JSON.parse(text, asWritten));
    } catch {
        return text; // it only starts like JSON
    }
}

/* An order's id may have more digits than a JavaScript number holds, and a rounded id would name another order. */
function asWritten(name, value) {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw new RangeError(`${value} loses digits as a JavaScript number`);
    }
    return value;
}
