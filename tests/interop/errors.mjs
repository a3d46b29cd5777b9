/* Holds the errors that a profile's `answers` describe to what plain ccxt makes of them.
 *
 * A server on the loopback answers every request with one of the four; ccxt is sent there by its `proxyUrl`. A refusal
 * must not look like something that passes, since a bot would go on asking; what was not sent must look like that; and
 * what may have been placed must be a timeout, or a bot would place it twice. All classes, with their regional ones and
 * environments, and all that they call; and the SDKs `binance` and `bybit-api`, by their base URL. Arguments: the names of
 * exchanges or SDKs, to run only those. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import { MainClient } from 'binance';
import { RestClientV5 } from 'bybit-api';
import newest from 'ccxt';
import older from 'ccxt-with-bitmex';
import { exchanges, variants } from './exchanges.mjs';
import { check, done } from './tally.mjs';

const ccxtOf = (id) => (id === 'bitmex' ? older : newest); // newer releases do not have BitMEX

/* What the agent says, and what has a meaning in JSON or in ccxt. */
const MESSAGES = [
    "policy refuses this: rule 'daily-cap' of key 'k' has 12.50 USDT left in this window, and the order takes 300 USDT",
    'this call needs approval 7f3a9c0d11e24b58: 2 of 3 people; ask again when they have approved it',
    'the key is locked; ask an operator to unlock token main',
    'it says {"code":0,"retCode":0,"success":true,"status":"ok"} and \\"this"',
    'Überweisung verweigert: 한도 초과',
];

/* By kind, what the error must be, and what it must not be. */
const CLASSES = {
    refused: { is: 'ExchangeError', isNot: ['NetworkError'] },
    locked: { is: 'ExchangeError', isNot: ['NetworkError'] },
    'not-sent': { is: 'ExchangeNotAvailable', isNot: ['RequestTimeout'] },
    unknown: { is: 'RequestTimeout', isNot: [] },
};

let shape;
let asked = 0;
const server = http.createServer((request, response) => {
    asked++;
    request.resume();
    request.on('end', () => {
        response.writeHead(shape.status, shape.headers);
        response.end(shape.body);
    });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const baseUrl = `http://127.0.0.1:${server.address().port}`;

const answersOf = Object.fromEntries(
    [...new Set(Object.values(exchanges).map(({ profile }) => profile))].map((profile) => {
        const chancery = `${process.env.CHANCERY_BUILD}/chancery`;
        const shown = execFileSync(chancery, ['profile', 'show', profile, '--json'], { maxBuffer: 1 << 26 });
        return [profile, JSON.parse(shown).answers];
    }),
);

/* The error as the agent would write it: a text of `misread` begins with a letter of the other case. */
function filledIn(profile, kind, message) {
    const { errors, misread } = answersOf[profile];
    const { status, headers, body } = errors[kind];
    const isJson = headers['Content-Type'] === 'application/json';
    const disarmed = misread.reduce((text, word) => text.replaceAll(word, () => swapped(word)), message);
    const text = isJson ? JSON.stringify(disarmed) : disarmed;
    return { status, headers, body: body.replaceAll(isJson ? '"{message}"' : '{message}', () => text) };
}

const swapped = ([first, ...rest]) =>
    [first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase(), ...rest].join('');

/* A call that fails before it sends anything says nothing of the answer. */
async function raised(client, [method, ...args]) {
    asked = 0;
    try {
        await client[method](...structuredClone(args));
    } catch (error) {
        return asked > 0 ? error : undefined;
    }
    assert.fail('it took the error for success');
}

async function hold(exchange, client, kind, call, messages = MESSAGES) {
    const classes = ccxtOf(exchange.id);
    const { is, isNot } = CLASSES[kind];
    for (const message of messages) {
        shape = filledIn(exchange.profile, kind, message);
        const error = await raised(client, call);
        if (error === undefined) {
            return false;
        }
        const what = `${error.constructor.name}: ${error.message}`;
        assert.ok(error instanceof classes[is], `not ${is}: ${what}`);
        isNot.forEach((name) => assert.ok(!(error instanceof classes[name]), `${name}: ${what}`));
        assert.ok(isShown(error, message), `hides it: ${what}`);
    }
    return true;
}

/* People read the message in the error's text, as it is or as JSON has it, in whatever case. */
function isShown(error, message) {
    const texts = [message, JSON.stringify(message).slice(1, -1)].map((text) => text.toLowerCase());
    return texts.some((text) => error.message.toLowerCase().includes(text));
}

/* What ccxt looks for in bodies and messages of this class, in a sentence that people could write. */
function wordsOf(client) {
    const words = ({ exact = {}, broad = {}, ...others }) => [
        ...Object.keys({ ...exact, ...broad }),
        ...Object.values(others).flatMap((other) => (typeof other === 'object' ? words(other) : [])),
    ];
    const inCode = client.id.startsWith('binance') ? ['LOT_SIZE', 'PRICE_FILTER', 'Price * QTY is zero or less'] : [];
    return [...words(client.exceptions), ...inCode].filter((word) => !/^-?\d+$/.test(word));
}

const NEEDED = ['fetchBalance', 'createLimitOrder', 'cancelOrder'];
const all = { ...exchanges, ...variants };
const chosen = process.argv.slice(2);
for (const [name, exchange] of Object.entries(all).filter(([name]) => chosen.length === 0 || chosen.includes(name))) {
    const client = exchange.client(ccxtOf(exchange.id), exchange.credentials);
    client.proxyUrl = `${baseUrl}/`;
    client.timeout = 60000;
    for (const kind of Object.keys(CLASSES)) {
        for (const [call, made] of Object.entries(exchange.calls).filter(([, made]) => made !== undefined)) {
            await check(`${name} ${kind} ${call}`, async () => {
                const isSent = await hold(exchange, client, kind, made);
                assert.ok(isSent || !NEEDED.includes(call), 'nothing was sent');
            });
        }
        await check(`${name} ${kind} words`, async () => {
            const messages = wordsOf(client).map((word) => `frozen by alice: ${word} today`);
            assert.ok(await hold(exchange, client, kind, exchange.calls.createLimitOrder, messages));
        });
    }
}

/* ---- SDKs ---- */

const order = { category: 'spot', symbol: 'BTCUSDT', side: 'Buy', orderType: 'Market', qty: '1' };
const binance = new MainClient({ api_key: 'k', api_secret: 's', baseUrl, disableTimeSync: true });
const bybit = new RestClientV5({ key: 'k', secret: 's', baseUrl });

/* By profile, an order that the SDK places; and what it makes of a refusal. Bybit's hands over whatever has status 200, as
 * it does with the exchange's own errors; the bot looks at retCode. */
const sdks = {
    binance: {
        profile: 'binance',
        place: () => binance.submitNewOrder({ symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: 1 }),
        readsRefusal: ({ thrown }, message) => thrown.message === message && thrown.code === -1002,
    },
    'bybit-api': {
        profile: 'bybit',
        place: () => bybit.submitOrder(order),
        readsRefusal: ({ value }, message) => value.retMsg === message && value.retCode !== 0,
    },
};

async function outcomeOf(promise) {
    try {
        return { value: await promise };
    } catch (thrown) {
        return { thrown };
    }
}

for (const [name, sdk] of Object.entries(sdks).filter(([name]) => chosen.length === 0 || chosen.includes(name))) {
    for (const kind of Object.keys(CLASSES)) {
        await check(`SDK ${name} ${kind}`, async () => {
            for (const message of MESSAGES) {
                shape = filledIn(sdk.profile, kind, message);
                asked = 0;
                const outcome = await outcomeOf(sdk.place());
                const isFinal = CLASSES[kind].is === 'ExchangeError';
                assert.equal(asked, 1, `asked ${asked} times`);
                assert.ok(isFinal ? sdk.readsRefusal(outcome, message) : outcome.thrown, JSON.stringify(outcome));
            }
        });
    }
}
server.closeAllConnections?.();
server.close();
done();
