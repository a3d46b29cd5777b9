/* The sign hook of the npm package `binance`:
 *
 *     new MainClient({ api_key: ID, api_secret: 'held by the agent', customSignMessageFn: signer({ key: 'binance-main', keyId: ID }) })
 *
 * The package builds the string to sign, and the agent reads it back: it signs nothing that policy refuses. A client
 * that has a key asks for a signature even for public calls, so make those with a client that has no key. */
import { sign } from '../node/agent.mjs';

export function signer(agent) {
    // The package puts the result into a query unencoded, and signatures of key pairs are base64.
    return async (string) => encodeURIComponent((await sign({ string }, agent)).signature);
}
