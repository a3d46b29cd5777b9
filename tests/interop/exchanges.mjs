/* The exchanges to compare: how ccxt is set up so that it fetches nothing by itself, and which calls it makes. */
import { ADDRESS, currency, exchange, keyPair, market, rawEd25519, secretOf, swapCalls } from './setup.mjs';

const USDT_SWAP = 'BTC/USDT:USDT';
const btcOn = (...networks) =>
    currency('BTC', { networks: Object.fromEntries(networks.map((id) => [id, { id, network: id }])) });
// Without a parameter that only this call takes, its signature opens calls of other classes.
const BINANCE_SPOT = { fetchBalance: { omitZeroBalances: false } };
const ORDER_TYPES = { orderTypes: ['LIMIT', 'MARKET', 'STOP', 'STOP_LOSS_LIMIT'] };

/* The stand-in's answers: enough for ccxt to accept, and the same for both clients. */
const first =
    (...pairs) =>
    (r) =>
        pairs.find(([part]) => r.path.includes(part))?.[1] ?? pairs.at(-1)[1];

const coinbase = {
    markets: [market('BTC/USD', 'BTC-USD')],
    currencies: [currency('BTC'), currency('USD')],
    answer: first(
        [
            '/brokerage/accounts',
            {
                accounts: [
                    {
                        uuid: '5e6f7a80-1111-4222-8333-444455556666',
                        currency: 'BTC',
                        active: true,
                        type: 'ACCOUNT_TYPE_CRYPTO',
                        name: 'BTC Wallet',
                        available_balance: { value: '1', currency: 'BTC' },
                        hold: { value: '0', currency: 'BTC' },
                    },
                ],
            },
        ],
        ['batch_cancel', { results: [{ success: true, order_id: '1234567890' }] }],
        ['/orders', { success: true, success_response: { order_id: '1' }, orders: [] }],
        ['', { data: {} }],
    ),
};

/* For `differently`: what the agent sends instead of what ccxt sends, where the exchange accepts both. */
// ccxt passes the caller's binary number on; in the exchange's documentation, the field is text.
const asText =
    (...names) =>
    (r) => {
        for (const name of names.filter((name) => typeof r.body[name] === 'number')) {
            r.body[name] = String(r.body[name]);
        }
        return r;
    };

const list = [
    {
        id: 'binance',
        profile: 'binance',
        markets: [market('BTC/USDT', 'BTCUSDT', { info: ORDER_TYPES })],
        params: BINANCE_SPOT,
    },
    {
        id: 'binance',
        name: 'binance-rsa',
        scheme: 'rsa',
        profile: 'binance',
        ...keyPair('rsa'),
        markets: [market('BTC/USDT', 'BTCUSDT', { info: ORDER_TYPES })],
        params: BINANCE_SPOT,
    },
    {
        id: 'binance',
        name: 'binance-ed25519',
        scheme: 'ed25519',
        profile: 'binance',
        ...keyPair('ed25519'),
        markets: [market('BTC/USDT', 'BTCUSDT', { info: ORDER_TYPES })],
        params: BINANCE_SPOT,
    },
    {
        id: 'binanceusdm',
        profile: 'binance',
        markets: [market(USDT_SWAP, 'BTCUSDT', { info: ORDER_TYPES })],
    },
    {
        id: 'binancecoinm',
        stop: null, // ccxt names the id of an algo order as that of other orders, and this call does not take that
        profile: 'binance',
        markets: [market('BTC/USD:BTC', 'BTCUSD_PERP', { info: ORDER_TYPES })],
        amount: 2,
    },
    {
        id: 'bybit',
        markets: [market('BTC/USDT', 'BTCUSDT'), market(USDT_SWAP, 'BTCUSDT')],
        currencies: [btcOn('BTC')],
        params: { fetchOrder: { acknowledged: true } },
        calls: swapCalls(USDT_SWAP),
        answer: () => ({ retCode: 0, retMsg: 'OK', result: { unifiedMarginStatus: 4, uta: 1, list: [] } }),
    },
    {
        id: 'bybit',
        name: 'bybit-rsa',
        scheme: 'rsa',
        ...keyPair('rsa'),
        markets: [market('BTC/USDT', 'BTCUSDT')],
        currencies: [btcOn('BTC')],
        params: { fetchOrder: { acknowledged: true } },
        answer: () => ({ retCode: 0, retMsg: 'OK', result: { unifiedMarginStatus: 4, uta: 1, list: [] } }),
    },
    {
        id: 'okx',
        credentials: { password: 'pass phrase 1' },
        markets: [market('BTC/USDT', 'BTC-USDT'), market(USDT_SWAP, 'BTC-USDT-SWAP')],
        params: { withdraw: { fee: '0.0001' } },
        calls: swapCalls(USDT_SWAP),
        answer: () => ({ code: '0', msg: '', data: [{ sCode: '0' }] }),
    },
    {
        id: 'coinbase',
        name: 'coinbase-es256',
        scheme: 'es256',
        ...keyPair('p256', { apiKey: 'organizations/interop/apiKeys/es256' }),
        ...coinbase,
    },
    {
        id: 'coinbase',
        name: 'coinbase-eddsa',
        scheme: 'eddsa',
        ...keyPair('ed25519', {
            apiKey: 'c0ffee00-1111-4222-8333-444455556666',
            secret: rawEd25519.toString('base64'),
        }),
        ...coinbase,
    },
    {
        id: 'coinbaseexchange',
        profile: 'coinbase-exchange',
        differently: (r) => {
            if (r.method === 'DELETE') {
                // documented for the query; ccxt puts it into the body
                [r.query, r.body] = [r.body, {}];
            }
            return asText('amount')(r);
        },
        credentials: { secret: secretOf('coinbaseexchange', 64).toString('base64'), password: 'pass1' },
        markets: [market('BTC/USD', 'BTC-USD')],
    },
    {
        id: 'kraken',
        stop: { stopLossPrice: '30000.5' },
        credentials: { secret: secretOf('kraken', 64).toString('base64') },
        markets: [market('BTC/USD', 'XXBTZUSD')],
        params: { withdraw: { key: 'cold wallet' } },
        calls: {
            createClosingOrder: [
                'createOrder',
                'BTC/USD',
                'limit',
                'buy',
                0.5,
                30000.5,
                { close: { ordertype: 'stop-loss', price: '29000.5' } },
            ],
        },
        answer: () => ({ error: [], result: {} }),
    },
    {
        id: 'krakenfutures',
        profile: 'kraken-futures',
        credentials: { secret: secretOf('krakenfutures', 64).toString('base64') },
        markets: [market('BTC/USD:USD', 'PF_XBTUSD')],
        withdraw: null,
        answer: () => ({
            result: 'success',
            accounts: { flex: { currencies: {} } },
            sendStatus: { status: 'placed', orderEvents: [] },
            cancelStatus: { status: 'cancelled' },
            openOrders: [],
        }),
    },
    {
        id: 'kucoin',
        credentials: { password: 'pass1' },
        differently: asText('amount'),
        markets: [market('BTC/USDT', 'BTC-USDT')],
        answer: () => ({ code: '200000', data: { orderId: '1', items: [], selfAccountMode: 'CLASSIC' } }),
    },
    {
        id: 'kucoinfutures',
        profile: 'kucoin',
        credentials: { password: 'pass1' },
        markets: [market(USDT_SWAP, 'XBTUSDTM')],
        differently: asText('amount'),
        currencies: [currency('BTC'), currency('USDT')],
        amount: 2,
        answer: () => ({ code: '200000', data: { orderId: '1', items: [], selfAccountMode: 'CLASSIC' } }),
    },
    {
        id: 'bitget',
        credentials: { password: 'pass1' },
        markets: [market('BTC/USDT', 'BTCUSDT'), market(USDT_SWAP, 'BTCUSDT')],
        currencies: [btcOn('BTC')],
        options: { uta: false },
        params: { withdraw: { network: 'BTC' } },
        calls: {
            ...swapCalls(USDT_SWAP),
            fetchUnifiedBalance: ['fetchBalance', { uta: true }],
            createUnifiedOrder: ['createOrder', 'BTC/USDT', 'limit', 'buy', 0.5, 30000.5, { uta: true }],
            cancelUnifiedOrder: ['cancelOrder', '1234567890', 'BTC/USDT', { uta: true }],
            fetchOpenUnifiedOrders: ['fetchOpenOrders', 'BTC/USDT', undefined, undefined, { uta: true }],
        },
        answer: () => ({ code: '00000', msg: 'success', data: [] }),
    },
    {
        id: 'gate',
        markets: [market('BTC/USDT', 'BTC_USDT'), market(USDT_SWAP, 'BTC_USDT', { settleId: 'usdt' })],
        currencies: [btcOn('BTC')],
        params: { withdraw: { network: 'BTC' } },
        calls: swapCalls(USDT_SWAP),
    },
    {
        id: 'mexc',
        stop: null,
        markets: [market('BTC/USDT', 'BTCUSDT'), market(USDT_SWAP, 'BTC_USDT')],
        calls: swapCalls(USDT_SWAP),
        answer: first(
            [
                '/order/cancel',
                { success: true, code: 0, data: [{ orderId: 1234567890, errorCode: 0, errorMsg: 'success' }] },
            ],
            ['/private/', { success: true, code: 0, data: [] }],
            ['', {}],
        ),
    },
    {
        id: 'htx',
        differently: (r) => {
            delete r.body.channel_code; // identifies ccxt to brokers
            return asText('amount')(r);
        },
        markets: [market('BTC/USDT', 'btcusdt'), market(USDT_SWAP, 'BTC-USDT')],
        options: { networkNamesByChainIds: { btc: 'BTC' } },
        calls: swapCalls(USDT_SWAP),
        answer: first(
            ['/account/accounts/', { status: 'ok', data: { id: 100009, list: [] } }],
            ['/account/accounts', { status: 'ok', data: [{ id: 100009, type: 'spot', state: 'working' }] }],
            ['/v5/', { code: 200, data: [] }],
            ['/withdraw/', { status: 'ok', data: 1, 'tx-hash': 'none yet' }],
            ['', { status: 'ok', data: '1' }],
        ),
    },
    {
        id: 'bitfinex',
        markets: [market('BTC/USD', 'tBTCUSD', { precision: { amount: 8, price: 5 } })],
        currencies: [btcOn('BITCOIN')],
        params: { withdraw: { network: 'BITCOIN' } },
        answer: first(
            ['/wallets', []],
            ['/r/orders', []],
            [
                '/withdraw',
                [
                    1,
                    'acc_wd-req',
                    null,
                    null,
                    [1, null, 'bitcoin', 'exchange', 0.5, null, null, 0],
                    null,
                    'SUCCESS',
                    'Success',
                ],
            ],
            ['', [1, 'on-req', null, null, [[]], null, 'SUCCESS', 'Success']],
        ),
    },
    {
        id: 'bitstamp',
        stop: null,
        // By the documentation, a call without parameters has neither body nor Content-Type. ccxt sends both.
        differently: (r) => (r.body.foo === 'bar' ? { ...r, body: {} } : r),
        markets: [market('BTC/USD', 'btcusd')],
    },
    {
        id: 'deribit',
        stop: { stopLossPrice: '30000.5' },
        refused: 'all', // the signature of any call also opens a session
        markets: [market('BTC/USD:BTC', 'BTC-PERPETUAL')],
        amount: 20,
        answer: first(
            ['/private/buy', { result: { order: {}, trades: [] } }],
            ['/private/sell', { result: { order: {}, trades: [] } }],
            ['', { result: {} }],
        ),
    },
    {
        id: 'cryptocom',
        differently: (r) => {
            delete r.body.params.broker_id; // identifies ccxt to brokers
            asText('amount')({ body: r.body.params });
            return r;
        },
        markets: [market('BTC/USDT', 'BTC_USDT'), market('BTC/USD:USD', 'BTCUSD-PERP')],
        calls: { createSwapLimitOrder: ['createOrder', 'BTC/USD:USD', 'limit', 'buy', 2, 30000.5] },
        answer: first(
            ['withdrawal', { code: 0, result: { address: ADDRESS } }],
            ['', { code: 0, result: { data: [] } }],
        ),
    },
    {
        id: 'bingx',
        markets: [market('BTC/USDT', 'BTC-USDT'), market(USDT_SWAP, 'BTC-USDT')],
        calls: swapCalls(USDT_SWAP),
        answer: () => ({ code: 0, data: {} }),
    },
    {
        id: 'whitebit',
        markets: [market('BTC/USDT', 'BTC_USDT')],
    },
    {
        id: 'bitvavo',
        markets: [market('BTC/EUR', 'BTC-EUR')],
        options: { operatorId: 1234 },
    },
    {
        id: 'phemex',
        differently: (r) => {
            // documented for the query; ccxt puts it into the body
            asText('amount')(r);
            [r.query, r.body] = [r.body, {}];
            return r;
        },
        markets: [
            market('BTC/USDT', 'sBTCUSDT', {
                valueScale: 8,
                priceScale: 8,
                precision: { amount: 1e-8, price: 1e-8 },
            }),
            market(USDT_SWAP, 'BTCUSDT'),
        ],
        currencies: [currency('BTC', { valueScale: 8 }), currency('USDT', { valueScale: 8 })],
        calls: swapCalls(USDT_SWAP),
        answer: first(
            ['accountPositions', { code: 0, data: { account: { currency: 'USDT' } } }],
            ['', { code: 0, data: {} }],
        ),
    },
    {
        id: 'poloniex',
        differently: (r) => {
            delete r.query.symbol; // not needed for an order that is named by its id
            return asText('stopPrice')(r);
        },
        markets: [market('BTC/USDT', 'BTC_USDT'), market(USDT_SWAP, 'BTC_USDT_PERP')],
        currencies: [btcOn('BTC')],
        params: { withdraw: { network: 'BTC' } },
        calls: swapCalls(USDT_SWAP),
    },
    {
        id: 'bitmex',
        stop: { triggerPrice: '30000.5', triggerDirection: 'above' },
        differently: (r) => {
            if (r.method === 'DELETE' && typeof r.body.orderID === 'string') {
                r.body.orderID = [r.body.orderID]; // documented as a list; the exchange accepts one text as well
            }
            return r;
        },
        markets: [market('BTC/USD:BTC', 'XBTUSD')],
        currencies: [btcOn('btc')],
        params: { withdraw: { network: 'BTC' } },
        amount: 200,
        answer: first(['/user/', {}], ['/order', [{}]], ['', []]),
    },
    {
        id: 'bitso',
        stop: null,
        differently: asText('amount'),
        markets: [market('BTC/MXN', 'btc_mxn')],
        calls: { cancelAllOrders: ['cancelAllOrders'] },
        answer: () => ({ success: true, payload: [] }),
    },
    {
        id: 'upbit',
        stop: null,
        scheme: 'hs256',
        differently: asText('amount'),
        markets: [market('BTC/KRW', 'KRW-BTC')],
        currencies: [btcOn('BTC')],
        params: { withdraw: { network: 'BTC' } },
    },
    {
        id: 'gemini',
        differently: (r) => ({ ...r, body: {} }), // everything is in the payload header; ccxt's body has no meaning
        credentials: { apiKey: 'account-key-of-gemini' },
        markets: [market('BTC/USD', 'btcusd')],
        calls: { createMarketOrder: undefined },
    },
];

export const exchanges = Object.fromEntries(list.map((setup) => [setup.name ?? setup.id, exchange(setup)]));

/* ---- environments ---- */

const sandbox = (client) => client.setSandboxMode(true);
const demo = (client) => client.enableDemoTrading(true);
const at = (hostname) => (client) => Object.assign(client, { hostname });
const inAws = (client) => Object.assign(client.urls.hostnames, { spot: 'api-aws.huobi.pro' });

/* Where else an exchange is: [name of the live one, environment, how ccxt gets there, its class if that is another]. */
const elsewhere = [
    ['binance', 'testnet', sandbox],
    ['binance', 'demo', demo],
    ['binance', 'us', undefined, 'binanceus'],
    ['binanceusdm', 'demo', demo],
    ['binancecoinm', 'demo', demo],
    ['bingx', 'demo', sandbox],
    ['bitget', 'demo', sandbox],
    ['bitmex', 'testnet', sandbox],
    ['bitso', 'stage', sandbox],
    ['bybit', 'testnet', sandbox],
    ['bybit', 'demo', demo],
    ['bybit', 'bytick', at('bytick.com')],
    ['bybit', 'nl', at('bybit.nl')],
    ['bybit', 'tr', at('bybit.tr')],
    ['bybit', 'kz', at('bybit.kz')],
    ['bybit', 'eu', undefined, 'bybiteu'],
    ['bybit', 'id', undefined, 'bybitid'],
    ['coinbaseexchange', 'sandbox', sandbox],
    ['cryptocom', 'uat', sandbox],
    ['deribit', 'testnet', sandbox],
    ['gate', 'testnet', sandbox],
    ['gate', 'eu', undefined, 'gateeu'],
    ['gemini', 'sandbox', sandbox],
    ['htx', 'aws', inAws],
    ['krakenfutures', 'demo', sandbox],
    ['okx', 'openapi', at('openapi.okx.com')],
    ['okx', 'demo', sandbox],
    ['okx', 'eea', undefined, 'myokx'],
    ['okx', 'eea-demo', sandbox, 'myokx'],
    ['okx', 'us', undefined, 'okxus'],
    ['okx', 'us-demo', sandbox, 'okxus'],
    ['phemex', 'testnet', sandbox],
    ['upbit', 'sg', at('sg-api.upbit.com')],
    ['upbit', 'id', at('id-api.upbit.com')],
    ['upbit', 'th', at('th-api.upbit.com')],
];

export const variants = Object.fromEntries(
    elsewhere.map(([of, environment, enter, id = undefined]) => {
        const setup = list.find((setup) => (setup.name ?? setup.id) === of);
        const name = `${of}-${environment}`;
        const profile = setup.profile ?? setup.id;
        return [
            name,
            { ...exchange({ ...setup, name, id: id ?? setup.id, profile, rule: setup.id, environment, enter }), of },
        ];
    }),
);

/* Those of them that run against an agent: one of each exchange that has any with spot or the same swaps. `missing` are
 * calls that do not exist there; ccxt sends the swaps of gateeu to the site that is not the EU's. */
const withAgent = {
    'binance-testnet': { missing: ['fetchDeposits', 'withdraw'] },
    'binance-us': {},
    'bybit-eu': {},
    'bybit-id': {},
    'gate-eu': {
        missing: [
            'fetchSwapBalance',
            'createSwapLimitOrder',
            'createSwapMarketOrder',
            'cancelSwapOrder',
            'fetchOpenSwapOrders',
        ],
    },
    'okx-eea': {},
    'okx-us': {},
    'okx-demo': { missing: ['fetchDeposits', 'withdraw'] },
    'bitget-demo': {},
    'bitmex-testnet': {},
    'bitso-stage': {},
    'coinbaseexchange-sandbox': { missing: ['withdraw'] },
    'cryptocom-uat': {},
    'deribit-testnet': {},
    'gemini-sandbox': {},
    'htx-aws': {},
    'krakenfutures-demo': {},
    'phemex-testnet': {},
    'upbit-sg': {},
};
export const compared = {
    ...exchanges,
    ...Object.fromEntries(Object.entries(withAgent).map(([name, more]) => [name, { ...variants[name], ...more }])),
};
