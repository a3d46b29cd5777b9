/* Unmodified ccxt against the local exchange (tests/venue), without Chancery: it finds markets, signs, trades and cancels
 * at every exchange, and one flipped character of the secret is refused. That shows that the local exchange's rules are
 * the exchanges', not Chancery's. Arguments: the names of accounts, to run only those. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { accounts, bookOf, clientOf, loads, ordersOf, register, trades, withdraws } from './local.mjs';
import { check, done } from './tally.mjs';

const SECONDS_END = 1e12; // what is below is a time in seconds, and no nonce

/* Another character of the same alphabet in the middle of the secret. */
function flipped(secret) {
    const at = secret.length >> 1;
    return secret.slice(0, at) + (secret[at] === 'a' ? 'b' : 'a') + secret.slice(at + 1);
}

/* Another key of the same kind, in the form in which ccxt takes it. */
const made = (...kind) => crypto.generateKeyPairSync(...kind).privateKey;
const others = {
    rsa: () => made('rsa', { modulusLength: 2048 }).export({ type: 'pkcs8', format: 'pem' }),
    ed25519: () => made('ed25519').export({ type: 'pkcs8', format: 'pem' }),
    es256: () => made('ec', { namedCurve: 'P-256' }).export({ type: 'sec1', format: 'pem' }).trim(),
    eddsa: () => {
        const { d, x } = made('ed25519').export({ format: 'jwk' });
        return Buffer.concat([d, x].map((part) => Buffer.from(part, 'base64url'))).toString('base64');
    },
};
const wrong = ({ scheme, credentials }) => others[scheme]?.() ?? flipped(credentials.secret);

/* The local exchange wants rising nonces, and ccxt's are the wall clock, which may be set back meanwhile. */
function withRisingNonces(client) {
    const nonce = client.nonce.bind(client);
    let last = 0;
    client.nonce = () => (last = nonce() < SECONDS_END ? nonce() : Math.max(nonce(), last + 1));
    return client;
}

for (const account of accounts) {
    const { name, credentials, symbols } = account;
    const client = withRisingNonces(clientOf(account, credentials));
    await register(account);
    await check(`${name}: markets`, () => loads(account, client));
    for (const symbol of symbols) {
        await check(`${name}: ${symbol}`, () => trades(account, client, symbol));
    }
    await check(`${name}: what was accepted is in the books`, async () => {
        const book = await bookOf(account);
        assert.equal(book.orders, ordersOf(account));
        assert.deepEqual(book.refused, {});
        assert.equal(book.repeats, 0);
        assert.equal(book.withdrawals, 0);
    });
    await check(`${name}: a wrong secret is refused`, async () => {
        const stranger = clientOf(account, { ...credentials, secret: wrong(account) });
        stranger.setMarkets(Object.values(client.markets), Object.values(client.currencies ?? {}));
        await assert.rejects(stranger.fetchBalance(), (error) => error.constructor.name !== 'TypeError');
        assert.deepEqual(Object.keys((await bookOf(account)).refused), ['signature']);
    });
    if (account.calls.withdraw) {
        await check(`${name}: a withdrawal is counted`, async () => {
            await withdraws(account, client);
            assert.equal((await bookOf(account)).withdrawals, 1);
        });
    }
}
done();
