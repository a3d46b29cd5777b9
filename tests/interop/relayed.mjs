/* Unmodified ccxt through chancery-relay and the agent at the local exchange, by the lines that `chancery bot config`
 * prints: dummy credentials and `proxyUrl`, nothing else. Each request that ccxt sends arrives once and well signed; what is
 * refused, locked, not sent or not answered raises the error that a bot can act on. Then SDKs, by their base URL alone.
 * Arguments: the names of accounts or SDKs, to run only those. Locks the token at its end. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import older from 'ccxt-with-bitmex';
import { accounts, bookOf, ccxt, control, loads, ordersOf, register, trades, withdraws } from './local.mjs';
import { compared } from './exchanges.mjs';
import { sdks } from './sdks.mjs';
import { check, done } from './tally.mjs';

const CHANCERY = join(process.env.CHANCERY_BUILD, 'chancery');
const relays = JSON.parse(process.env.RELAYS);
const token = readFileSync(process.env.RELAY_TOKEN, 'utf8').trim();
const chancery = (...words) => execFileSync(CHANCERY, words, { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 24 });

/* What was sent by this program to a relay, whatever the client; the control calls have another port. */
let sent = 0;
const count = (port) => {
    sent += Object.values(relays).some((url) => new URL(url).port === port);
};
diagnostics.subscribe('http.client.request.start', ({ request }) => count(String(request.getHeader('host')).split(':')[1]));
diagnostics.subscribe('undici:request:create', ({ request }) => count(new URL(request.origin).port));

/* ---- bots ---- */

const folder = mkdtempSync(fileURLToPath(new URL('relayed-', import.meta.url))); // beside node_modules
let files = 0;

/* ccxt as the lines make it. They name one class for each environment, and ccxt has more for these. */
const CLASSES = /^(binanceusdm|binancecoinm|kucoinfutures)$/;

async function botOf({ name, id, options }, relay) {
    const words = ['--for', 'ccxt-js', '--relay', relays[relay], '--token-file', process.env.RELAY_TOKEN];
    const text = chancery('bot', 'config', `${name}-trading`, ...words)
        .replace("from 'ccxt'", id === 'bitmex' ? "from 'ccxt-with-bitmex'" : "from 'ccxt'")
        .replace(/new ccxt\.\w+\(/, (whole) => (CLASSES.test(id) ? `new ccxt.${id}(` : whole));
    const file = join(folder, `${files++}.mjs`);
    writeFileSync(file, `${text}export { exchange };\n`);
    const { exchange } = await import(file);
    assert.equal(exchange.id, id);
    exchange.enableRateLimit = false;
    Object.assign(exchange.options, options);
    return exchange;
}

/* The same, with the markets that another has loaded. */
async function alike(account, relay, { markets, currencies }) {
    const bot = await botOf(account, relay);
    bot.setMarkets(Object.values(markets), Object.values(currencies ?? {}));
    return bot;
}

async function arrivalsOf({ profile }) {
    return (await control(`arrivals?exchange=${profile}`)).arrivals;
}

/* All of them, each with a verdict that the exchange has for what it takes. */
async function arrivedOnce(account, expected) {
    const arrivals = await arrivalsOf(account);
    const wrong = arrivals.filter(({ verdict, repeat, faults }) => !['accepted', 'public'].includes(verdict) || repeat || faults.length);
    const shown = ({ verdict, method, target, repeat, faults }) => ({ verdict, method, target, repeat, faults });
    assert.deepEqual(wrong.map(shown), []);
    assert.equal(arrivals.length, expected, `${arrivals.length} of ${expected} requests arrived`);
}

/* ---- errors ---- */

const order = ({ symbols }, bot, price) => {
    const { spot, inverse } = bot.market(symbols[0]);
    return bot.createOrder(symbols[0], 'limit', 'buy', spot ? 0.01 : inverse ? 100 : 1, price);
};

/* A class of ccxt's, and one that it must not be. */
const ERRORS = {
    refused: ['ExchangeError', 'NetworkError'],
    locked: ['ExchangeError', 'NetworkError'],
    'not-sent': ['NetworkError', 'RequestTimeout'],
    unknown: ['RequestTimeout', undefined],
};

async function raises(kind, bot, call) {
    const [is, isNot] = ERRORS[kind];
    const classes = bot.id === 'bitmex' ? older : ccxt;
    const error = await call.then(() => assert.fail('it took the error for success'), (error) => error);
    const what = `${error.constructor.name}: ${error.message}`;
    assert.ok(error instanceof classes[is], `not ${is}: ${what}`);
    assert.ok(isNot === undefined || !(error instanceof classes[isNot]), `${isNot}: ${what}`);
}

const misbehaves = (account, how) => control('misbehave', { exchange: account.profile, kind: 'order', times: 1, ...how });

const pending = [];
for (const account of accounts) {
    const { name, symbols } = account;
    await register(account);
    await control('reset', {});
    let bot;
    sent = 0;
    await check(`${name}: markets`, async () => {
        bot = await botOf(account, 'tester');
        await loads(account, bot);
    });
    if (!bot?.markets) {
        continue;
    }
    for (const symbol of symbols) {
        await check(`${name}: ${symbol}`, () => trades(account, bot, symbol));
    }
    await check(`${name}: each request arrived once and right`, async () => {
        await arrivedOnce(account, sent);
        const { orders, refused, repeats } = await bookOf(account);
        assert.deepEqual({ orders, refused, repeats }, { orders: ordersOf(account), refused: {}, repeats: 0 });
        const placed = (await control(`orders?exchange=${account.profile}`)).orders;
        for (const { side, price, amount, state } of placed.filter(({ kind }) => !kind.includes('market'))) {
            assert.deepEqual([side, Number(price), state], ['buy', 29000, 'canceled']);
            assert.ok([0.01, 1, 100].includes(Number(amount)), `amount ${amount}`);
        }
    });
    const before = (await arrivalsOf(account)).length;
    const orders = async () => (await bookOf(account)).orders;
    const had = await orders();
    if (account.calls.withdraw) {
        await check(`${name}: a withdrawal is refused`, () => raises('refused', bot, withdraws(account, bot)));
    }
    await check(`${name}: an order of who may only look is refused`, async () => {
        const watcher = await alike(account, 'watcher', bot);
        await raises('refused', watcher, order(account, watcher, 28900));
    });
    await check(`${name}: an order that is not sent`, async () => {
        const away = await alike(account, 'away', bot);
        await raises('not-sent', away, order(account, away, 28800));
    });
    await check(`${name}: nothing of these arrived`, async () => {
        const kinds = (await arrivalsOf(account)).slice(before).map(({ kind }) => kind);
        assert.deepEqual(kinds.filter((kind) => !['public', 'keyed', 'read'].includes(kind)), []);
    });
    await check(`${name}: an order whose connection dies is unknown`, async () => {
        await misbehaves(account, { do: 'close' });
        await raises('unknown', bot, order(account, bot, 28700));
        assert.equal(await orders(), had + 1);
    });
    pending.push({ account, bot });
}

/* All at once, since each takes as long as the relay waits. */
await Promise.all(
    Object.values(Object.fromEntries(pending.map((one) => [one.account.profile, one]))).map(({ account, bot }) =>
        check(`${account.name}: an order that is not answered is unknown`, async () => {
            await misbehaves(account, { do: 'hang' });
            await raises('unknown', bot, order(account, bot, 28600));
        }),
    ),
);

/* ---- SDKs ---- */

const chosen = process.argv.slice(2);
for (const { name, exchange, open } of sdks.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
    const key = { id: `key-of-${exchange}`, secret: '0'.repeat(32), passphrase: 'chancery' };
    await check(`${name}: orders`, async () => {
        const calls = open(`${relays.tester}/${token}/${exchange}-trading`, key);
        await register(compared[exchange]);
        await control('reset', {});
        sent = 0;
        assert.ok(await calls.balance());
        assert.ok(await calls.ticker());
        const id = await calls.limit();
        assert.ok(await calls.isOpen(id));
        await calls.cancel(id);
        assert.ok(!(await calls.isOpen(id)));
        await calls.market();
        await arrivedOnce({ profile: exchange }, sent);
        const { orders, refused } = await bookOf(compared[exchange]);
        assert.deepEqual({ orders, refused }, { orders: 2, refused: {} });
    });
}

/* ---- locked ---- */

chancery('lock', 'main');
for (const { account, bot } of pending) {
    await check(`${account.name}: an order while the token is locked`, () => raises('locked', bot, order(account, bot, 28500)));
}
rmSync(folder, { recursive: true });
done();
process.exit(); // one of the SDKs keeps connections open
