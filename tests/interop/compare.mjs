/* Compares ccxt with the adapter to plain ccxt: the same calls of every exchange, request by request.
 *
 * The agent has a clock of its own, so it goes first. The test reads its request, sets plain ccxt to the same moment
 * (time, nonce, random values), and asks it for the same call. Both requests go over HTTP to a stand-in for the exchange,
 * which checks them by the exchange's rule. Arguments: the names of exchanges, to run only those. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import newest from 'ccxt';
import older from 'ccxt-with-bitmex';
import { chancery } from './adapters/ccxt/chancery.mjs';
import { compared } from './exchanges.mjs';
import { fields, rules } from './rules.mjs';
import { check, done } from './tally.mjs';
import { open } from './venue.mjs';

// Newer releases do not have BitMEX.
const ccxt = { ...newest, bitmex: older.bitmex };
let now = Date.now(); // of the call that is compared: the agent signs nothing that is old

/* Sets a client to a moment. Values that the moment lacks come from the start of the call or from a counter. */
function putInto(client, moment) {
    let drawn = 0;
    const draw = (digits) => (++drawn).toString(16).padStart(digits, '0');
    const ms = moment.ms ?? now;
    client.milliseconds = () => ms;
    client.seconds = () => Math.floor(ms / 1000);
    client.microseconds = () => ms * 1000;
    client.uuid = () => moment.uuid ?? `00000000-0000-4000-8000-${draw(12)}`;
    client.uuid16 = () => draw(16);
    client.uuid22 = () => draw(22);
    client.randomBytes = (size) => moment.random ?? draw(2 * size);
    delete client.nonce;
    if (moment.nonce !== undefined) {
        client.nonce = () => moment.nonce;
    }
    if (moment.window !== undefined) {
        client.options.recvWindow = moment.window;
    }
}

function connected(client, venue) {
    Object.assign(client, {
        fetchImplementation: venue.fetch,
        fetchIsNative: false,
        fetchImplementationLoading: Promise.resolve(),
    });
    return client;
}

/* Some calls send requests concurrently. This sends them in the order in which they were made, so that they can be paired. */
function oneByOne(client) {
    const fetch = client.fetch.bind(client);
    let last = Promise.resolve();
    client.fetch = (...request) => {
        const send = () => fetch(...request);
        last = last.then(send, send);
        return last;
    };
    return client;
}

/* Returns a call's outcome, in a form that can be compared, and the requests that it sent. */
async function made(client, venue, [method, ...args]) {
    putInto(client, {});
    let outcome;
    try {
        outcome = { value: await client[method](...structuredClone(args)) };
    } catch (error) {
        outcome = { error };
    }
    return { ...outcome, requests: venue.taken() };
}

/* The same by plain ccxt, which signs each request at the moment of the agent's corresponding request. */
async function madeAlike(client, venue, call, moments) {
    const sign = client.sign;
    client.sign = (...args) => {
        const whole = { ...client };
        putInto(client, moments.shift() ?? {});
        try {
            return sign.apply(client, args);
        } finally {
            delete client.nonce;
            Object.assign(client, whole);
        }
    };
    try {
        return await made(client, venue, call);
    } finally {
        client.sign = sign;
    }
}

// Headers of the transport, headers that ccxt sends to every exchange, and those by which it identifies itself to brokers.
const NOT_COMPARED = [
    'accept',
    'accept-encoding',
    'connection',
    'content-length',
    'host',
    'origin',
    'user-agent',
    'kc-api-partner',
    'kc-api-partner-sign',
    'kc-api-partner-verify',
    'referer',
    'source',
    'x-channel-api-code',
    'x-source-key',
];
const SIGNATURE = /sign$|signature$|^authent$|payload$|^authorization$/;

function headersOf(request, other, isSigned) {
    // If one of the two leaves out Content-Type, the exchange does not need it.
    const isCompared = (name) =>
        !NOT_COMPARED.includes(name) &&
        (isSigned || !SIGNATURE.test(name)) &&
        (name !== 'content-type' || name in other.headers);
    return Object.fromEntries(
        Object.entries(request.headers)
            .filter(([name]) => isCompared(name))
            .map(withoutTokensSignature),
    );
}

/* ECDSA signatures differ each time. */
function withoutTokensSignature([name, value]) {
    return [
        name,
        name === 'authorization' && value.startsWith('Bearer ') ? value.slice(0, value.lastIndexOf('.')) : value,
    ];
}

function whole(request, other) {
    const { method, host, path, query, body } = request;
    return { method, host, path, query, body, headers: headersOf(request, other, true) };
}

/* Without the signature, and without regard to order. Both signatures have already been checked, each with its own
 * order. */
function unordered(request, other) {
    const { method, host, path, query, body } = request;
    return {
        method,
        host,
        path,
        query: members(query),
        body: members(body),
        headers: headersOf(request, other, false),
    };
}

function members(text) {
    if (text.startsWith('[')) {
        return JSON.parse(text);
    }
    const { signature, Signature, sig, ...rest } = text.startsWith('{')
        ? JSON.parse(text)
        : Object.fromEntries(fields(text));
    return rest;
}

const faults = ({ requests }) => requests.map((request) => request.fault).filter(Boolean);

const is = (a, b) => {
    try {
        assert.deepStrictEqual(a, b);
        return true;
    } catch {
        return false;
    }
};

const onFile = ({ credentials, publicKey }) => ({ ...credentials, publicKey });

/* The same account, with another secret. */
function stranger({ credentials, publicKey }) {
    const other =
        publicKey &&
        crypto.generateKeyPairSync(publicKey.asymmetricKeyType, { modulusLength: 2048, namedCurve: 'P-256' }).publicKey;
    return {
        credentials: { ...credentials, secret: Buffer.from('another secret!').toString('base64') },
        publicKey: other,
    };
}

for (const [name, exchange] of Object.entries(compared)) {
    if (process.argv.length > 2 && !process.argv.includes(name)) {
        continue;
    }
    const venue = await open(rules[exchange.rule], onFile(exchange), exchange.answer);
    const client = (grant) =>
        oneByOne(chancery(connected(exchange.client(ccxt, {}), venue), { key: `${name}-${grant}` }));
    const allowed = client('all');
    const trading = client('trading');
    const plain = oneByOne(connected(exchange.client(ccxt, exchange.credentials), venue));
    const count = { byte: 0, order: 0, otherwise: 0, refused: 0 };

    for (const [label, call] of Object.entries(exchange.calls).filter(([, call]) => call && plain.has[call[0]])) {
        let ours;
        if (exchange.missing?.includes(label)) {
            await check(`${name} ${label}: does not exist there`, async () => {
                now = Date.now();
                ours = await made(allowed, venue, call);
                assert.match(ours.error?.message, /does not (exist in environment|have a testnet)|is of environment/);
                assert.deepEqual(ours.requests, []);
            });
            continue;
        }
        await check(`${name} ${label}: the same as plain ccxt`, async () => {
            now = Date.now();
            ours = await made(allowed, venue, call);
            assert.deepEqual(faults(ours), [], "the exchange does not accept the agent's request");
            assert.doesNotMatch(ours.error?.message ?? '', / chancery: /);
            assert.ok(ours.requests.length > 0, 'no request');
            const theirs = await madeAlike(
                plain,
                venue,
                call,
                ours.requests.map((r) => r.moment),
            );
            assert.deepEqual(faults(theirs), [], "the exchange does not accept ccxt's request");
            // Even an error about this test's answer must be the same.
            assert.deepEqual(
                [ours.value, ours.error?.message],
                [theirs.value, theirs.error?.message],
                'another result',
            );
            assert.equal(ours.requests.length, theirs.requests.length);
            ours.requests.forEach((request, i) => {
                const other = theirs.requests[i];
                if (is(whole(request, other), whole(other, request))) {
                    count.byte++;
                } else if (is(unordered(request, other), unordered(other, request))) {
                    count.order++;
                } else {
                    const expected = unordered(other, request);
                    assert.deepStrictEqual(
                        unordered(request, other),
                        exchange.differently?.(expected) ?? expected,
                        'another request',
                    );
                    count.otherwise++;
                }
            });
        });
        await check(`${name} ${label}: what the trading policy says`, async () => {
            now = Date.now();
            const their = await made(trading, venue, call);
            assert.deepEqual(faults(their), []);
            if (label === 'withdraw' || exchange.refused === 'all' || exchange.refused?.includes(label)) {
                assert.ok(their.error instanceof ccxt.PermissionDenied, `not refused: ${their.error?.message}`);
                assert.ok(their.requests.length < ours.requests.length, 'the refused request was sent');
                count.refused++;
            } else {
                assert.equal(their.error?.message, ours.error?.message);
            }
        });
    }
    await check(`${name}: the stand-in rejects a signature by another key`, async () => {
        now = Date.now();
        const { requests } = await made(allowed, venue, exchange.calls.createLimitOrder);
        const request = requests.at(-1);
        rules[exchange.rule](request, onFile(exchange));
        assert.throws(() => rules[exchange.rule](request, onFile(stranger(exchange))));
    });
    const { byte, order, otherwise, refused } = count;
    console.log(
        `${name}: ${byte} requests the same to the byte, ${order} in another order, ${otherwise} as documented;`,
    );
    console.log(`    ${refused} calls refused by the trading policy`);
    await venue.close();
}
done();
