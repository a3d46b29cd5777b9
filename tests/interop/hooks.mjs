/* The sign hooks of the npm packages `binance` and `bybit-api`: compares the package with the hook to the package with
 * the secret. The agent signs the first request, the package the second at the same moment. Both must be the same to the
 * byte, and valid by the exchange's rule. */
import assert from 'node:assert/strict';
import binance from 'binance';
import bybit from 'bybit-api';
import { signer as binanceSigner } from './adapters/binance/chancery.mjs';
import { signer as bybitSigner } from './adapters/bybit-api/chancery.mjs';
import { exchanges } from './exchanges.mjs';
import { rules } from './rules.mjs';
import { check, done } from './tally.mjs';
import { open } from './venue.mjs';

const ORDER = {
    symbol: 'BTCUSDT',
    side: 'BUY',
    type: 'LIMIT',
    timeInForce: 'GTC',
    quantity: 0.5,
    price: '30000.5',
    newClientOrderId: 'x-U5D79M5B123',
};
const BYBIT_ORDER = {
    category: 'linear',
    symbol: 'BTCUSDT',
    side: 'Buy',
    orderType: 'Limit',
    qty: '0.5',
    price: '30000.5',
    timeInForce: 'GTC',
};

const packages = {
    binance: {
        client: ({ apiKey, secret }, baseUrl, customSignMessageFn) =>
            new binance.MainClient({
                api_key: apiKey,
                api_secret: secret,
                baseUrl,
                customSignMessageFn,
                disableTimeSync: true,
                beautifyResponses: false,
            }),
        signer: binanceSigner,
        calls: {
            order: (client) => client.submitNewOrder({ ...ORDER }),
            cancel: (client) => client.cancelOrder({ symbol: 'BTCUSDT', orderId: 1234567890 }),
            'open orders': (client) => client.getOpenOrders({ symbol: 'BTCUSDT' }),
            balance: (client) => client.getAccountInformation({ omitZeroBalances: true }),
        },
        withdraw: (client) => client.withdraw({ coin: 'BTC', address: 'bc1qinteroptest', amount: 0.5 }),
    },
    bybit: {
        client: ({ apiKey, secret }, baseUrl, customSignMessageFn) =>
            new bybit.RestClientV5({ key: apiKey, secret, baseUrl, customSignMessageFn }),
        signer: bybitSigner,
        calls: {
            order: (client) => client.submitOrder({ ...BYBIT_ORDER }),
            cancel: (client) => client.cancelOrder({ category: 'linear', symbol: 'BTCUSDT', orderId: '1234567890' }),
            'open orders': (client) => client.getActiveOrders({ category: 'linear', symbol: 'BTCUSDT' }),
            balance: (client) => client.getWalletBalance({ accountType: 'UNIFIED', coin: 'BTC' }),
        },
        withdraw: (client) =>
            client.submitWithdrawal({
                coin: 'BTC',
                chain: 'BTC',
                address: 'bc1qinteroptest',
                amount: '0.5',
                timestamp: Date.now(),
                forceChain: 1,
                accountType: 'FUND',
            }),
    },
};

async function inTheMoment(ms, act) {
    const now = Date.now;
    Date.now = () => ms;
    try {
        return await act();
    } finally {
        Date.now = now;
    }
}

function whole({ method, path, query, headers, body }) {
    const { host, connection, ...rest } = headers;
    return { method, path, query, headers: rest, body };
}

for (const name of ['binance', 'binance-rsa', 'binance-ed25519', 'bybit', 'bybit-rsa']) {
    const { id, credentials, publicKey } = exchanges[name];
    const { client, signer, calls, withdraw } = packages[id];
    const venue = await open(rules[id], { ...credentials, publicKey }, () => ({ retCode: 0 }));
    const hooked = client(
        { apiKey: credentials.apiKey, secret: 'held by the agent' },
        venue.url,
        signer({ key: `${name}-trading` }),
    );
    const plain = client(credentials, venue.url);

    for (const [label, call] of Object.entries(calls)) {
        await check(`${name} hook, ${label}: as the package has it`, async () => {
            await call(hooked);
            const [ours] = venue.taken();
            assert.equal(ours.fault, undefined);
            await inTheMoment(ours.moment.ms, () => call(plain));
            const [theirs] = venue.taken();
            assert.equal(theirs.fault, undefined);
            assert.deepEqual(whole(ours), whole(theirs));
        });
    }
    await check(`${name} hook, withdrawal: refused, and not sent`, async () => {
        await assert.rejects(withdraw(hooked), (error) => /withdraw/.test(error?.message ?? error));
        assert.deepEqual(venue.taken(), []);
    });
    await venue.close();
}
done();
