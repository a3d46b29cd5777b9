/* ccxt with the secrets left in the agent, against the local exchange: it accepts what the agent signs, by code that has
 * nothing of Chancery; and a withdrawal, which the trading key may not make, does not arrive. Arguments: the names of
 * accounts, to run only those. */
import assert from 'node:assert/strict';
import { chancery } from './adapters/ccxt/chancery.mjs';
import { accounts, bookOf, clientOf, loads, ordersOf, register, trades, withdraws } from './local.mjs';
import { check, done } from './tally.mjs';

for (const account of accounts) {
    const { name, symbols, refused } = account;
    const client = chancery(clientOf(account, {}), { key: `${name}-${refused === 'all' ? 'all' : 'trading'}` });
    await register(account);
    await check(`${name}: markets`, () => loads(account, client));
    for (const symbol of symbols) {
        await check(`${name}: ${symbol}`, () => trades(account, client, symbol));
    }
    if (account.calls.withdraw && refused !== 'all') {
        await check(`${name}: a withdrawal is refused`, async () => {
            await assert.rejects(withdraws(account, client), / chancery: /);
        });
    }
    await check(`${name}: what was accepted is in the books`, async () => {
        const book = await bookOf(account);
        assert.equal(book.orders, ordersOf(account));
        assert.deepEqual(book.refused, {});
        assert.equal(book.withdrawals, 0);
    });
}
done();
