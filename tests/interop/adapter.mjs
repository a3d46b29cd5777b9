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

await check('the question names key, method, host and the path with its parameters filled in', async () => {
    const question = await questionFor('coinbaseexchange', (exchange) =>
        exchange.privateDeleteOrdersId({ id: 'a-1', product_id: 'BTC-USD' }),
    );
    assert.deepEqual(question, {
        target: '/v1/keys/k/sign',
        method: 'DELETE',
        host: 'api.exchange.coinbase.com',
        path: '/orders/a-1',
        params: { product_id: 'BTC-USD' },
    });
});

await check('a key name cannot leave its place in the target', async () => {
    const { exchange } = client('kraken', { key: '../x y' });
    asked.length = 0;
    await exchange.privatePostBalance();
    assert.equal(asked[0].target, '/v1/keys/..%2Fx%20y/sign');
});

await check('numbers: integers stay, others become plain decimals, at any depth', async () => {
    const params = { a: 5, b: 0.1, c: 1e-7, d: 1e21, e: [1.5, { f: -0.25 }], g: true, h: 'x', i: undefined };
    const question = await questionFor('bybit', (exchange) => exchange.privatePostV5OrderCreate(params));
    assert.deepEqual(question.params, {
        a: 5,
        b: '0.1',
        c: '0.0000001',
        d: '1000000000000000000000',
        e: ['1.5', { f: '-0.25' }],
        g: true,
        h: 'x',
    });
});

for (const [id, option, call, name] of [
    ['bybit', 'recvWindow', (exchange) => exchange.privateGetV5OrderRealtime({ category: 'linear' }), 'recv_window'],
    ['mexc', 'recvWindow', (exchange) => exchange.spotPrivateGetAccount(), 'recvWindow'],
    ['bitvavo', 'recvWindow', (exchange) => exchange.privateGetBalance(), 'window'],
]) {
    await check(`${id}: the receive window that the bot sets reaches the agent`, async () => {
        const question = await questionFor(id, (exchange) => {
            exchange.options[option] = 20000;
            return call(exchange);
        });
        assert.equal(question.params[name], '20000');
    });
}

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

await check('a list stays the whole body', async () => {
    const question = await questionFor('okx', (exchange) =>
        exchange.privatePostTradeCancelBatchOrders([{ instId: 'BTC-USDT', ordId: '1' }]),
    );
    assert.deepEqual(question.params, [{ instId: 'BTC-USDT', ordId: '1' }]);
});

await check('what ccxt wrote as JSON for a query is a list again', async () => {
    const question = await questionFor('binanceusdm', (exchange) =>
        exchange.fapiPrivatePostBatchOrders({ batchOrders: [{ symbol: 'BTCUSDT', newClientOrderId: '1' }] }),
    );
    assert.deepEqual(question.params, {
        batchOrders: [{ symbol: 'BTCUSDT', newClientOrderId: '1' }],
        recvWindow: 10000,
    });
});

await check('a text that only begins like JSON stays a text', async () => {
    const question = await questionFor('kraken', (exchange) =>
        exchange.privatePostAddOrder({ pair: '[1', cl_ord_id: '{x}' }),
    );
    assert.deepEqual(question.params, { pair: '[1', cl_ord_id: '{x}' });
});

await check('no digit of a long id inside JSON is lost', async () => {
    const question = await questionFor('binanceusdm', (exchange) =>
        exchange.fapiPrivateDeleteBatchOrders({ symbol: 'BTCUSDT', orderIdList: '[1234567890123456789]' }),
    );
    assert.equal(question.params.orderIdList, '[1234567890123456789]');
});

for (const [id, header, call] of [
    ['bitget', 'paptrading', (exchange) => exchange.privateSpotGetV2SpotAccountAssets()],
    ['okx', 'X-Simulated-Trading', (exchange) => exchange.privateGetAccountBalance()],
]) {
    await check(`${id}: a demo order never becomes a real one`, async () => {
        const { exchange, sent } = client(id);
        exchange.setSandboxMode(true);
        await assert.rejects(call(exchange), /the client is in demo mode, but key 'k' is not; nothing was sent/);
        assert.deepEqual(sent, []);
        answer = [200, { ...FINISHED, headers: { [header]: '1' } }];
        await call(exchange);
        assert.deepEqual(sent[0].headers, { [header]: '1' });
        answer = [200, FINISHED];
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
