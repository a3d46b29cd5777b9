/* Prints the keys that the comparison needs, as JSON. The runner puts them onto a token and into a policy. */
import { compared } from './exchanges.mjs';

console.log(
    JSON.stringify(
        Object.entries(compared).map(([name, exchange]) => ({
            name,
            profile: exchange.profile,
            scheme: exchange.scheme,
            environment: exchange.environment,
            key_id: exchange.credentials.apiKey,
            passphrase: exchange.credentials.password,
            secret: exchange.pem ?? exchange.credentials.secret,
            is_pem: exchange.pem !== undefined,
        })),
    ),
);
