/* The ccxt adapter alone, against an agent of a few lines: what it asks for, what it sends, and which errors it
 * raises. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import ccxt from 'ccxt';
import { chancery } from './adapters/ccxt/chancery.mjs';
import { defaultSocket, sign } from './adapters/node/agent.mjs';
import { exchanges } from './exchanges.mjs';
import { check, done } from './tally.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ch-'));
const socket = path.join(folder, 'agent.sock');
const FINISHED = {
    method: 'POST',
    url: 'https://made.example/by?the=agent',
    headers: { 'X-Made': 'yes' },
    body: 'a=1',
    key: 'k',
};
let answer = [200, FINISHED];
const asked = [];
const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const part of request) {
        text += part;
    }
    asked.push({ target: request.url, ...JSON.parse(text) });
    response.writeHead(answer[0], { 'Content-Type': 'application/json' }).end(JSON.stringify(answer[1]));
});
await new Promise((resolve) => server.listen(socket, resolve));

/* A client whose requests stop at `sent`. */
function client(name, { key = 'k', credentials = {}, at = socket } = {}) {
    const sent = [];
    const exchange = exchanges[name].client(ccxt, credentials);
    exchange.fetch = async (url, method, headers, body) => {
        sent.push({ url, method, headers, body });
        return {};
    };
    return { exchange: chancery(exchange, { key, socket: at }), sent };
}

async function questionFor(name, act) {
    const { exchange } = client(name);
    asked.length = 0;
    await act(exchange).catch(() => {}); // ccxt may fail after that; the request is what counts
    return asked[0];
}

await check('what the agent made is sent, and nothing else', async () => {
    const { exchange, sent } = client('kraken');
    await exchange.privatePostBalance();
    assert.deepEqual(sent, [
        { url: FINISHED.url, method: FINISHED.method, headers: FINISHED.headers, body: FINISHED.body },
    ]);
});

await check('public calls are left to ccxt, and the agent is not asked', async () => {
    const { exchange, sent } = client('kraken');
    asked.length = 0;
    await exchange.publicGetTicker({ pair: 'XXBTZUSD' });
    assert.equal(sent[0].url, 'https://api.kraken.com/0/public/Ticker?pair=XXBTZUSD');
    assert.deepEqual(asked, []);
});

await check('a configured secret is gone, a key id stays for calls that have only that', async () => {
    const { exchange, sent } = client('binance', { credentials: { apiKey: 'public id', secret: 'hush' } });
    assert.ok(
        !JSON.stringify(Object.entries(exchange).filter(([, value]) => typeof value === 'string')).includes('hush'),
    );
    asked.length = 0;
    await exchange.publicPostUserDataStream();
    assert.equal(sent[0].headers['X-MBX-APIKEY'], 'public id');
    assert.deepEqual(asked, []);
});

await check('the agent is asked for what ccxt would send, as it is', async () => {
    const question = await questionFor('coinbaseexchange', (exchange) =>
        exchange.privateGetOrders({ product_id: 'BTC-USD' }),
    );
    const { headers } = question.wire;
    assert.deepEqual(question, {
        target: '/v1/keys/k/sign',
        wire: {
            method: 'GET',
            url: 'https://api.exchange.coinbase.com/orders?product_id=BTC-USD',
            headers,
            body: '',
        },
    });
    assert.equal(headers['CB-ACCESS-KEY'], 'account-chancery');
});

await check('a key name cannot leave its place in the target', async () => {
    const { exchange } = client('kraken', { key: '../x y' });
    asked.length = 0;
    await exchange.privatePostBalance();
    assert.equal(asked[0].target, '/v1/keys/..%2Fx%20y/sign');
});

await check('the body is the text that ccxt wrote', async () => {
    const params = { a: 5, b: 0.1, c: 1e-7, e: [1.5, { f: -0.25 }], g: true, h: 'x' };
    const question = await questionFor('bybit', (exchange) => exchange.privatePostV5OrderCreate(params));
    assert.equal(question.wire.body, JSON.stringify(params));
});

for (const [what, set] of [
    ['adjustForTimeDifference', (exchange) => (exchange.options.adjustForTimeDifference = true)],
    ['a time difference', (exchange) => (exchange.options.timeDifference = 1500)],
    ['options.nonce', (exchange) => (exchange.options.nonce = 'seconds')],
    ['a nonce() of its own', (exchange) => (exchange.nonce = () => 1)],
]) {
    await check(`${what} is refused, not ignored`, async () => {
        const { exchange, sent } = client('kraken');
        set(exchange);
        await assert.rejects(exchange.privatePostBalance(), ccxt.NotSupported);
        assert.deepEqual(sent, []);
    });
}

for (const [id, header, call] of [
    ['bitget', 'PAPTRADING', (exchange) => exchange.privateSpotGetV2SpotAccountAssets()],
    ['okx', 'x-simulated-trading', (exchange) => exchange.privateGetAccountBalance()],
]) {
    await check(`${id}: the agent is told of the demo`, async () => {
        const question = await questionFor(id, (exchange) => {
            exchange.setSandboxMode(true);
            return call(exchange);
        });
        assert.equal(question.wire.headers[header], '1');
    });
}

for (const [status, kind, Class] of [
    [400, 'bad-input', ccxt.BadRequest],
    [403, 'refused', ccxt.PermissionDenied],
    [404, 'not-found', ccxt.NotSupported],
    [405, 'method-not-allowed', ccxt.NotSupported],
    [413, 'too-large', ccxt.BadRequest],
    [423, 'locked', ccxt.AuthenticationError],
    [429, 'too-often', ccxt.RateLimitExceeded],
    [500, 'internal', ccxt.ExchangeError],
    [502, 'token-failed', ccxt.ExchangeNotAvailable],
    [503, 'busy', ccxt.ExchangeNotAvailable],
]) {
    await check(`${status} ${kind} becomes ${Class.name}, and nothing is sent`, async () => {
        answer = [status, { type: `urn:chancery:problem:${kind}`, status, detail: 'a sentence of the agent' }];
        const { exchange, sent } = client('kraken');
        await assert.rejects(
            exchange.privatePostBalance(),
            (error) => error.constructor === Class && /a sentence of the agent$/.test(error.message),
        );
        assert.deepEqual(sent, []);
        answer = [200, FINISHED];
    });
}

await check('no agent becomes ExchangeNotAvailable', async () => {
    const { exchange } = client('kraken', { at: path.join(folder, 'nobody.sock') });
    await assert.rejects(exchange.privatePostBalance(), ccxt.ExchangeNotAvailable);
});

await check('an agent that was started anew is asked again', async () => {
    await sign({ string: 'a' }, { key: 'k', socket });
    server.closeAllConnections();
    assert.equal((await sign({ string: 'a' }, { key: 'k', socket })).key, 'k');
});

await check('the socket is where the environment says', async () => {
    assert.equal(defaultSocket({ CHANCERY_SOCK: '/a', XDG_RUNTIME_DIR: '/b' }), '/a');
    assert.equal(defaultSocket({ XDG_RUNTIME_DIR: '/b' }), '/b/chancery/agent.sock');
    assert.equal(defaultSocket({}), '/run/chancery/agent.sock');
});

server.close();
server.closeAllConnections();
fs.rmSync(folder, { recursive: true });
done();
