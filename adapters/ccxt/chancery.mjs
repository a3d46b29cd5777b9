/* ccxt with the secrets left in the agent:
 *
 *     const exchange = chancery(new ccxt.binance({ ... }), { key: 'binance-main' });
 *
 * The class's own sign() runs with placeholders for credentials. What it makes goes to the agent as it is; the agent
 * undoes it, judges what it asks for, and builds it anew, and the agent's request is the one that is sent. Public calls
 * stay with ccxt. `apiKey` is public and may be set; only calls that ccxt sends with the key id but unsigned use it. */
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
    const privates = new WeakSet(); // headers objects that fetch2() carries from sign() to fetch()
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
        privates.add(request.headers);
        return request;
    };
    exchange.fetch = async (url, method, headers, body) => {
        if (!headers || !privates.has(headers)) {
            return ccxtFetch(url, method, headers, body);
        }
        // In demo mode, ccxt has a header in exchange.headers, by which the agent refuses to make a real order of it.
        const wire = { method, url, headers: { ...exchange.headers, ...headers }, body: body ?? '' };
        const finished = await ask(exchange, { wire }, agent);
        return ccxtFetch(finished.url, finished.method, finished.headers, finished.body || undefined); // a GET takes no ''
    };
    return exchange;
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
