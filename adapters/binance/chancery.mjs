/* The sign hook of the npm package `binance`:
 *
 *     new MainClient({ api_key: ID, api_secret: 'held by the agent', customSignMessageFn: signer({ key: 'binance-main' }) })
 *
 * The package makes the string to sign and the agent reads it back: what policy refuses is not signed. It asks for a
 * signature for public calls too, if it has a key; so make those with a client that has none. */
import { sign } from '../node/agent.mjs';

export function signer({ key, socket }) {
    // The package puts what this returns into a query as it is, and the signatures of key pairs are base64.
    return async (string) => encodeURIComponent((await sign({ string }, { key, socket })).signature);
}
