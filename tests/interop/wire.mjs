/* Every call of ccxt's tables, in every environment, through the agent's form `wire`: what ccxt's sign() makes must be
 * understood. A private call may lack parameters or have one too many, since nothing here knows what they are; that the
 * agent says so shows that all else of the request was explained. A public call must go on as it is. Arguments: the names
 * of exchanges, to run only those. */
import assert from 'node:assert/strict';
import newest from 'ccxt';
import older from 'ccxt-with-bitmex';
import { ChanceryError, sign } from './adapters/node/agent.mjs';
import { compared } from './exchanges.mjs';
import { check, done } from './tally.mjs';

// Newer releases do not have BitMEX.
const ccxt = { ...newest, bitmex: older.bitmex };
const VALUE = '1234567890';
const DUMMY = { apiKey: 'account-dummy', secret: 'chancery', password: 'dummy' };

// What the agent may say of a request that it has undone: about the endpoint, or about parameters by name.
const UNDERSTOOD =
    /does not list this path|with this method|does not exist in environment|requires|needs|lacks|takes no (parameter|member)|^parameter '|must (be|hold)|is (not|none) |at least one|takes no signature by scheme|only keys of kind|ends in a digit|could be read|can't tell/;

/* The lines of a class's table, which its constructor passes on one by one. */
function linesOf(Exchange) {
    const lines = [];
    class Listed extends Exchange {
        defineRestApiEndpoint(name, method, lower, camel, path, paths) {
            lines.push({ method, path, api: paths.length > 1 ? paths : paths[0] });
        }
    }
    new Listed();
    return lines;
}

/* What ccxt would send, and whether it asked for credentials; undefined if it has no address for the call. */
function made(client, { method, path, api }) {
    const values = Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, VALUE]));
    let isPrivate = false;
    client.checkRequiredCredentials = () => {
        isPrivate = true;
        return true;
    };
    try {
        const request = client.sign(path, api, method, values);
        const { url, headers = {}, body = '' } = request;
        const texts = Object.entries({ ...client.headers, ...headers }).map(([name, value]) => [name, String(value)]);
        return { isPrivate, wire: { method: request.method ?? method, url, headers: Object.fromEntries(texts), body: body ?? '' } };
    } catch {
        return undefined;
    }
}

async function ask(name, wire) {
    try {
        return await sign({ wire }, { key: `${name}-all` });
    } catch (error) {
        assert.ok(error instanceof ChanceryError, error);
        return error;
    }
}

for (const [name, exchange] of Object.entries(compared)) {
    if (process.argv.length > 2 && !process.argv.includes(name)) {
        continue;
    }
    const count = { signed: 0, understood: 0, unlisted: 0, public: 0 };
    await check(`${name}: every call of ccxt's table is understood`, async () => {
        const client = exchange.client(ccxt, DUMMY);
        const strange = [];
        for (const line of linesOf(ccxt[exchange.id])) {
            const { isPrivate, wire } = made(client, line) ?? {};
            if (wire === undefined || !wire.url.startsWith('https://')) {
                continue;
            }
            const answer = await ask(name, wire);
            const said = answer.message ?? '';
            if (answer.public && !isPrivate) {
                count.public++;
            } else if (answer.method) {
                count.signed++;
            } else if (/does not list this path|has no host|host .* is of environment|does not exist in environment/.test(said)) {
                count.unlisted++; // hosts and calls that the profile does not have: tests/interop/coverage.json
            } else if (/leaves this call out/.test(said) || (wire.url.includes('/public/auth') && /does not say when it was made/.test(said))) {
                count.unlisted++; // Deribit's log-on by HTTP is an endpoint: it must be signed
            } else if (isPrivate && UNDERSTOOD.test(said.replace('chancery: ', ''))) {
                count.understood++;
            } else {
                strange.push(`${isPrivate ? 'private' : 'public'} ${wire.method} ${wire.url}: ${said}`);
            }
        }
        assert.deepEqual(strange, []);
    });
    console.log(
        `${name}: ${count.signed} signed, ${count.understood} understood but for their parameters, ${count.public} public, ${count.unlisted} not listed`,
    );
}
done();
