/* Asks the agent for a signature: HTTP/1.1 and JSON over its Unix socket, as docs/protocol.md describes. */
import http from 'node:http';

import { checkSocket } from './socket.mjs';

const TIMEOUT_MS = 30_000;

/* Connects only where the way to the socket can be trusted. */
class Connections extends http.Agent {
    createConnection(options, callback) {
        try {
            checkSocket(options.socketPath, options.agentUser);
        } catch (error) {
            callback(error.code ? error : new ChanceryError(403, { detail: error.message }));
            return undefined;
        }
        return super.createConnection(options, callback);
    }
}
const connections = new Connections({ keepAlive: true, maxSockets: 8 });

/* The agent did not sign. `problem` is its problem document (RFC 9457), whose detail is the error's message and whose
 * status is `status`. If no agent can be reached, the status is 503. */
export class ChanceryError extends Error {
    constructor(status, problem) {
        super(`chancery: ${problem.detail ?? problem.title ?? `status ${status}`}`);
        this.name = 'ChanceryError';
        this.status = status;
        this.problem = problem;
    }
}

export function defaultSocket(environment = process.env) {
    if (environment.CHANCERY_SOCK) {
        return environment.CHANCERY_SOCK;
    }
    return environment.XDG_RUNTIME_DIR
        ? `${environment.XDG_RUNTIME_DIR}/chancery/agent.sock`
        : '/run/chancery/agent.sock';
}

/* Has `question`, in one of the forms of docs/protocol.md, signed with the key of that name. Returns the agent's answer,
 * or throws a ChanceryError: 403 also if somebody else could have put a socket at the path (socket.mjs). `agentUser` is the
 * user that the agent runs as, if it is neither root nor the bot's own nor 'chancery'; `keyId` the exchange's id of the
 * version that is to sign, if the key has several and the SDK sends an id of its own. */
export async function sign(question, { key, keyId, socket = defaultSocket(), agentUser }) {
    const body = JSON.stringify(keyId ? { ...question, key_id: keyId } : question);
    let answer;
    try {
        answer = await post({ socketPath: socket, agentUser }, `/v1/keys/${encodeURIComponent(key)}/sign`, body);
    } catch (error) {
        if (error instanceof ChanceryError) {
            throw error;
        }
        throw new ChanceryError(503, { detail: `no agent answers at ${socket}: ${error.message}` });
    }
    const document = parse(answer.text);
    if (answer.status !== 200) {
        throw new ChanceryError(answer.status, document);
    }
    return document;
}

function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return { detail: "the agent's answer is not JSON" };
    }
}

function post(to, path, body) {
    return new Promise((resolve, reject) => {
        const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
        const request = http.request({ ...to, path, method: 'POST', headers, agent: connections });
        request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
        request.on('error', (error) => {
            // The agent may have closed a kept connection in the meantime. Try once more; asking twice is harmless.
            if (request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code)) {
                resolve(post(to, path, body));
            } else {
                reject(error);
            }
        });
        request.on('response', (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (part) => (text += part));
            response.on('end', () => resolve({ status: response.statusCode, text }));
            response.on('error', reject);
        });
        request.end(body);
    });
}
