/* The npm packages `binance`, `bybit-api` and `okx-api` with a base URL and a dummy secret: what they send there is given to the
 * agent as it came, through the form `wire`, with a path instead of a URL. The agent must send what they would have
 * sent, and nothing of the dummies. */
import assert from 'node:assert/strict';
import http from 'node:http';
import binance from 'binance';
import bybit from 'bybit-api';
import { RestClient as OkxClient } from 'okx-api';
import { sign } from './adapters/node/agent.mjs';
import { fields } from './rules.mjs';
import { check, done } from './tally.mjs';

const DUMMY = { apiKey: 'dummy', secret: 'dummy-secret-0123456789' };
const taken = [];
const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) {
        body += part;
    }
    taken.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"retCode":0}');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const baseUrl = `http://127.0.0.1:${server.address().port}`;

const ofBinance = (Class, more = {}) =>
    new binance[Class]({ api_key: DUMMY.apiKey, api_secret: DUMMY.secret, baseUrl, disableTimeSync: true, beautifyResponses: false, ...more });
const spot = ofBinance('MainClient');
const usdm = ofBinance('USDMClient');
const unified = new bybit.RestClientV5({ key: DUMMY.apiKey, secret: DUMMY.secret, baseUrl });
const okx = new OkxClient({ apiKey: DUMMY.apiKey, apiSecret: DUMMY.secret, apiPass: 'dummy', baseUrl });
const OKX_TAG = '159881cb7207BCDE'; // the name of a broker, in every POST
const SPOT = { instId: 'BTC-USDT', tdMode: 'cash', side: 'buy', ordType: 'limit', sz: '0.5', px: '30000.5' };
const NAMED = { instId: 'BTC-USDT', ordId: '1234567890' };
const LIMIT = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.5, price: '30000.5' };
const LINEAR = { category: 'linear', symbol: 'BTCUSDT' };

// Key, origin, what is asked.
const calls = {
    'binance order': ['binance', 'main', () => spot.submitNewOrder({ ...LIMIT })],
    'binance tiny order': ['binance', 'main', () => spot.submitNewOrder({ ...LIMIT, quantity: 1e-7 })],
    'binance market order': ['binance', 'main', () => spot.submitNewOrder({ symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quantity: 1 })],
    'binance cancel': ['binance', 'main', () => spot.cancelOrder({ symbol: 'BTCUSDT', orderId: 1234567890 })],
    'binance open orders': ['binance', 'main', () => spot.getOpenOrders({ symbol: 'BTCUSDT' })],
    'binance balance': ['binance', 'main', () => spot.getAccountInformation({ omitZeroBalances: true })],
    'binance withdrawal': ['binance', 'main', () => spot.withdraw({ coin: 'BTC', address: 'bc1qinteroptest', amount: 0.5 })],
    'binance futures order': ['binanceusdm', 'usdm', () => usdm.submitNewOrder({ ...LIMIT })],
    'binance futures batch': ['binanceusdm', 'usdm', () => usdm.submitMultipleOrders([{ ...LIMIT, quantity: '0.5' }])],
    'binance futures positions': ['binanceusdm', 'usdm', () => usdm.getPositionsV3({ symbol: 'BTCUSDT' })],
    'binance futures cancel': ['binanceusdm', 'usdm', () => usdm.cancelOrder({ symbol: 'BTCUSDT', orderId: 1234567890 })],
    'bybit order': ['bybit', 'main', () => unified.submitOrder({ ...LINEAR, side: 'Buy', orderType: 'Limit', qty: '0.5', price: '30000.5', timeInForce: 'GTC' })],
    'bybit cancel': ['bybit', 'main', () => unified.cancelOrder({ ...LINEAR, orderId: '1234567890' })],
    'bybit open orders': ['bybit', 'main', () => unified.getActiveOrders({ ...LINEAR })],
    'bybit balance': ['bybit', 'main', () => unified.getWalletBalance({ accountType: 'UNIFIED', coin: 'BTC' })],
    'bybit leverage': ['bybit', 'main', () => unified.setLeverage({ ...LINEAR, buyLeverage: '2', sellLeverage: '2' })],
    'okx order': ['okx', 'main', () => okx.submitOrder(SPOT)],
    'okx orders': ['okx', 'main', () => okx.submitMultipleOrders([SPOT])],
    'okx amend': ['okx', 'main', () => okx.amendOrder({ ...NAMED, newSz: '0.25' })],
    'okx cancel': ['okx', 'main', () => okx.cancelOrder(NAMED)],
    'okx amends': ['okx', 'main', () => okx.amendMultipleOrders([{ ...NAMED, newSz: '0.25' }])],
    'okx algo cancels': ['okx', 'main', () => okx.cancelAlgoOrder([{ instId: 'BTC-USDT', algoId: '1234567890' }])],
    'okx cancels': ['okx', 'main', () => okx.cancelMultipleOrders([NAMED, NAMED])],
    'okx withdrawal': ['okx', 'main', () => okx.submitWithdraw({ ccy: 'BTC', amt: '0.5', dest: '4', toAddr: 'bc1qinteroptest', fee: '0.0001' })],
    'okx leverage': ['okx', 'main', () => okx.setLeverage({ instId: 'BTC-USDT-SWAP', lever: '2', mgnMode: 'cross' })],
};
const publics = {
    'binance ticker': ['binance', 'main', () => spot.getSymbolPriceTicker({ symbol: 'BTCUSDT' })],
    'binance listen key': ['binanceusdm', 'usdm', () => usdm.getFuturesUserDataListenKey()],
    'bybit tickers': ['bybit', 'main', () => unified.getTickers({ ...LINEAR })],
};

/* What the package sends, and the agent's answer to it. */
async function ask([key, origin, act]) {
    taken.length = 0;
    await act().catch(() => {}); // the answer here is none of the exchange's
    assert.equal(taken.length, 1, 'the package sends one request');
    const { url, ...rest } = taken[0];
    return [taken[0], await sign({ wire: { ...rest, url, origin } }, { key: `${key}-all` })];
}

/* The parameters of a request, but those that differ each time. */
function said(url, body) {
    const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
    const inBody = /^[{[]/.test(body) ? JSON.parse(body) : Object.fromEntries(fields(body));
    const { timestamp, signature, ...rest } = { ...Object.fromEntries(fields(query)), ...inBody };
    return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]));
}

for (const [label, call] of Object.entries(calls)) {
    await check(`${label}: the agent sends what the package would have sent`, async () => {
        const [sent, made] = await ask(call);
        const expected = said(sent.url, sent.body);
        if (expected.quantity === '1e-7') {
            expected.quantity = '0.0000001';
        }
        if (!made.body.includes(OKX_TAG)) {
            delete expected.tag; // where the exchange has none
        }
        assert.equal(made.method, sent.method);
        assert.deepEqual(said(made.url, made.body), expected);
        assert.ok(!JSON.stringify(made).includes('dummy'), 'a dummy is left');
    });
}
for (const [label, call] of Object.entries(publics)) {
    await check(`${label}: goes on as it is`, async () => {
        const [sent, made] = await ask(call);
        assert.equal(made.public, true);
        assert.equal(new URL(made.url).pathname, sent.url.split('?')[0]);
        assert.ok(!JSON.stringify(made).includes('dummy'), 'a dummy is left');
    });
}
server.close();
server.closeAllConnections();
done();
