/* The sign hook of the npm package `bybit-api`:
 *
 *     new RestClientV5({ key: KEY_ID, secret: 'held by the agent', customSignMessageFn: signer({ key: 'bybit-main' }) })
 *
 * The package builds the string to sign, and the agent reads it back: it signs nothing that policy refuses. */
import { sign } from '../node/agent.mjs';

export function signer(agent) {
    return async (string) => (await sign({ string }, agent)).signature;
}
