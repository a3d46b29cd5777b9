/* SDKs that are given a base URL, and what a bot does with each: a table for the programs that run them. */
import { Spot as BinanceSpot } from '@binance/spot';
import { MainClient } from 'binance';
import { RestClientV5 } from 'bybit-api';
import kucoin from 'kucoin-universal-sdk';
import { RestClient as OkxClient } from 'okx-api';

const LIMIT = { side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price: 29000 };
const MARKET = { side: 'SELL', type: 'MARKET', quantity: 0.01 };

/* `open(base, key)` returns calls: balance, ticker, limit (returns the order's id), isOpen(id), cancel(id), market. */
export const sdks = [
    {
        name: 'binance',
        exchange: 'binance',
        base: 'https://api.binance.com',
        open(baseUrl, { id, secret }) {
            const client = new MainClient({ api_key: id, api_secret: secret, baseUrl });
            const symbol = 'BTCUSDT';
            return {
                balance: () => client.getAccountInformation(),
                ticker: () => client.get24hrChangeStatistics({ symbol }),
                limit: async () => (await client.submitNewOrder({ symbol, ...LIMIT })).orderId,
                isOpen: async (id) => (await client.getOpenOrders({ symbol })).some(({ orderId }) => orderId === id),
                cancel: (orderId) => client.cancelOrder({ symbol, orderId }),
                market: () => client.submitNewOrder({ symbol, ...MARKET }),
            };
        },
    },
    {
        name: '@binance/spot',
        exchange: 'binance',
        base: 'https://api.binance.com',
        open(basePath, { id, secret }) {
            const client = new BinanceSpot({ configurationRestAPI: { apiKey: id, apiSecret: secret, basePath } }).restAPI;
            const symbol = 'BTCUSDT';
            const data = async (answer) => (await answer).data();
            return {
                balance: () => data(client.getAccount()),
                ticker: () => data(client.ticker24hr({ symbol })),
                limit: async () => (await data(client.newOrder({ symbol, ...LIMIT }))).orderId,
                isOpen: async (id) =>
                    (await data(client.getOpenOrders({ symbol }))).some(({ orderId }) => orderId === id),
                cancel: (orderId) => data(client.deleteOrder({ symbol, orderId })),
                market: () => data(client.newOrder({ symbol, ...MARKET })),
            };
        },
    },
    {
        name: 'bybit-api',
        exchange: 'bybit',
        base: 'https://api.bybit.com',
        open(baseUrl, { id, secret }) {
            const client = new RestClientV5({ key: id, secret, baseUrl });
            const market = { category: 'spot', symbol: 'BTCUSDT' };
            // It resolves whatever the exchange says.
            const good = async (answer) => {
                const { retCode, retMsg, result } = await answer;
                if (retCode !== 0) {
                    throw new Error(`${retCode} ${retMsg}`);
                }
                return result;
            };
            return {
                balance: () => good(client.getWalletBalance({ accountType: 'UNIFIED' })),
                ticker: () => good(client.getTickers(market)),
                limit: async () =>
                    (
                        await good(
                            client.submitOrder({ ...market, side: 'Buy', orderType: 'Limit', qty: '0.01', price: '29000' }),
                        )
                    ).orderId,
                isOpen: async (id) => (await good(client.getActiveOrders(market))).list.some(({ orderId }) => orderId === id),
                cancel: (orderId) => good(client.cancelOrder({ ...market, orderId })),
                market: () => good(client.submitOrder({ ...market, side: 'Sell', orderType: 'Market', qty: '0.01' })),
            };
        },
    },
    {
        name: 'okx-api',
        exchange: 'okx',
        base: 'https://www.okx.com',
        open(baseUrl, { id, secret, passphrase }) {
            const client = new OkxClient({ apiKey: id, apiSecret: secret, apiPass: passphrase, baseUrl });
            const instId = 'BTC-USDT';
            const order = { instId, tdMode: 'cash', sz: '0.01' };
            return {
                balance: () => client.getBalance(),
                ticker: () => client.getTicker({ instId }),
                limit: async () =>
                    (await client.submitOrder({ ...order, side: 'buy', ordType: 'limit', px: '29000' }))[0].ordId,
                isOpen: async (id) => (await client.getOrderList({ instId })).some(({ ordId }) => ordId === id),
                cancel: (ordId) => client.cancelOrder({ instId, ordId }),
                market: () => client.submitOrder({ ...order, side: 'sell', ordType: 'market' }),
            };
        },
    },
    {
        name: 'kucoin-universal-sdk',
        exchange: 'kucoin',
        base: 'https://api.kucoin.com',
        open(base, { id, secret, passphrase }) {
            const { ClientOptionBuilder, DefaultClient, TransportOptionBuilder, Account, Spot } = kucoin;
            const options = new ClientOptionBuilder().setKey(id).setSecret(secret).setPassphrase(passphrase);
            options.setSpotEndpoint(base).setTransportOption(new TransportOptionBuilder().build());
            const services = new DefaultClient(options.build()).restService();
            const orders = services.getSpotService().getOrderApi();
            const symbol = 'BTC-USDT';
            const place = (more) =>
                orders.addOrder(
                    Spot.Order.AddOrderReq.create({ symbol, size: '0.01', clientOid: crypto.randomUUID(), ...more }),
                );
            const { GetSpotAccountListReq } = Account.Account;
            return {
                balance: () =>
                    services
                        .getAccountService()
                        .getAccountApi()
                        .getSpotAccountList(GetSpotAccountListReq.create({ type: 'trade' })),
                ticker: () =>
                    services.getSpotService().getMarketApi().get24hrStats(Spot.Market.Get24hrStatsReq.create({ symbol })),
                limit: async () => (await place({ side: 'buy', type: 'limit', price: '29000' })).orderId,
                isOpen: async (wanted) =>
                    (await orders.getOpenOrders(Spot.Order.GetOpenOrdersReq.create({ symbol }))).data.some(
                        ({ id }) => id === wanted,
                    ),
                cancel: (orderId) =>
                    orders.cancelOrderByOrderId(Spot.Order.CancelOrderByOrderIdReq.create({ symbol, orderId })),
                market: () => place({ side: 'sell', type: 'market' }),
            };
        },
    },
];
