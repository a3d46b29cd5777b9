/* `chancery bot config`: runs the lines that it prints for JavaScript, with a listener on the loopback as the relay. The
 * package must take the dummy credentials, sign with them, and send its requests to the relay's address, with the token
 * and the key in front, and for ccxt with a host of the key's environment behind. Packages that package.json does not name
 * are tried if they are here all the same. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, done } from './tally.mjs';

const CHANCERY = join(process.env.CHANCERY_BUILD, 'chancery');
const TOKEN = 'b7Qk2Wm9Xr4Tz8Lp1Nc6Vf3Hs5Jd0Gy-token';

/* What each framework is called to do, by the name that its lines give the client, and where that must arrive. */
const packages = {
    binance: { package: 'binance', call: (client) => client.getAccountInformation(), path: '/api/v3/account' },
    'binance-connector-js': { package: '@binance/spot', call: (client) => client.restAPI.getAccount(), path: '/api/v3/account' },
    'bybit-api': { package: 'bybit-api', call: (client) => client.getAccountInfo(), path: '/v5/account/info' },
    'okx-api': { package: 'okx-api', call: (client) => client.getBalance(), path: '/api/v5/account/balance' },
    'kucoin-universal-sdk': {
        package: 'kucoin-universal-sdk',
        call: (client) => client.restService().getAccountService().getAccountApi().getAccountInfo(),
        path: '/~spot/api/v2/user-info',
    },
};

const chancery = (...words) => execFileSync(CHANCERY, [...words, '--json'], { encoding: 'utf8', maxBuffer: 1 << 26, stdio: 'pipe' });
const profiles = JSON.parse(chancery('profile', 'list')).profiles.map(({ name }) => name);

const asked = [];
const relay = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => {
        asked.push(request);
        response.writeHead(503, { 'Content-Type': 'application/json' });
        response.end('{}');
    });
});
await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));

/* Beside node_modules, so that the lines find their packages. */
const folder = mkdtempSync(fileURLToPath(new URL('bots-', import.meta.url)));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });

/* A key for each client, since some ask for more than one thing at once, and the rest arrives later. */
let count = 0;
let key;
async function load(framework, profile, environment, client, edit = (text) => text) {
    const words = ['--for', framework, '--profile', profile, '--environment', environment, '--token-file', tokenFile];
    key = `key-${count++}`;
    const url = `http://127.0.0.1:${relay.address().port}`;
    const { text } = JSON.parse(chancery('bot', 'config', key, ...words, '--relay', url));
    assert.ok(!text.includes(TOKEN));
    const file = join(folder, `${key}.mjs`);
    writeFileSync(file, `${edit(text)}export { ${client} as client };\n`);
    return (await import(file)).client;
}

/* The paths of what came, without the token and the key that must stand before each. */
function taken() {
    const before = `/${TOKEN}/${key}/`;
    const paths = asked.map(({ url }) => url);
    for (const path of paths) assert.match(path, new RegExp(`^/${TOKEN}/key-\\d+/`));
    const ours = paths.filter((path) => path.startsWith(before));
    assert.ok(ours.length > 0, 'nothing was sent');
    return ours.map((path) => path.slice(before.length - 1));
}

for (const [framework, { package: name, call, path }] of Object.entries(packages)) {
    try {
        await import(name);
    } catch (error) {
        assert.equal(error.code, 'ERR_MODULE_NOT_FOUND');
        continue;
    }
    await check(framework, async () => {
        const profile = { 'bybit-api': 'bybit', 'okx-api': 'okx', 'kucoin-universal-sdk': 'kucoin' }[framework] ?? 'binance';
        const client = await load(framework, profile, 'live', 'client');
        await assert.rejects(call(client));
        for (const sent of taken()) assert.equal(sent.split('?')[0], path);
    });
}

/* ---- ccxt ---- */

const withBitmex = (text) => text.replace("from 'ccxt'", "from 'ccxt-with-bitmex'");

for (const profile of profiles) {
    const { environments } = JSON.parse(chancery('profile', 'show', profile));
    for (const { name: environment, origins } of environments) {
        const hosts = Object.values(origins);
        let client;
        try {
            client = await load('ccxt-js', profile, environment, 'exchange', profile === 'bitmex' ? withBitmex : undefined);
        } catch (error) {
            if (environment !== 'live' && error.stderr?.includes('does not know')) continue;
            await check(`ccxt ${profile} ${environment}`, () => assert.fail(error));
            continue;
        }
        await check(`ccxt ${profile} ${environment}`, async () => {
            client.loadMarkets = async () => ({});
            client.maxRetriesOnFailure = 0;
            await client.fetchBalance().catch(() => {});
            for (const sent of taken()) {
                const url = new URL(sent.startsWith('/https%3A') ? decodeURIComponent(sent.slice(1)) : sent.slice(1));
                assert.ok(hosts.includes(url.origin), `${url.origin} is not one of ${hosts}`);
            }
        });
    }
}

rmSync(folder, { recursive: true });
relay.close();
relay.closeAllConnections();
done();
