/* The SDKs against the local exchange, without Chancery: it accepts what they sign, and nothing signed by another secret. */
import assert from 'node:assert/strict';
import { control } from './local.mjs';
import { sdks } from './sdks.mjs';
import { check, done } from './tally.mjs';

for (const { name, exchange, base, open } of sdks) {
    const key = { id: `sdk ${name}`.replaceAll(/\W/g, '-'), secret: 's'.repeat(64), passphrase: 'pass1' };
    const book = async () => (await control(`books?exchange=${exchange}&key=${key.id}`)).keys[0];
    await control('keys', { exchange, key_id: key.id, secret: key.secret, passphrase: key.passphrase });
    await check(`${name}: orders`, async () => {
        const calls = open(base, key);
        assert.ok(await calls.balance());
        assert.ok(await calls.ticker());
        const id = await calls.limit();
        assert.ok(await calls.isOpen(id));
        await calls.cancel(id);
        assert.ok(!(await calls.isOpen(id)));
        await calls.market();
        const { orders, refused, repeats } = await book();
        assert.deepEqual({ orders, refused, repeats }, { orders: 2, refused: {}, repeats: 0 });
    });
    await check(`${name}: another secret`, async () => {
        await assert.rejects(open(base, { ...key, secret: 't'.repeat(64) }).balance());
        assert.deepEqual(Object.keys((await book()).refused), ['signature']);
    });
}
done();
process.exit(); // one of them keeps connections open
