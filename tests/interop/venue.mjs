/* A stand-in for an exchange: an HTTP server on the loopback that checks each request by the exchange's rule and keeps
 * it. Its fetch() sends a client's request there byte for byte, with the host that the client meant. */
import http from 'node:http';

/* `answer(request)` returns the body for a valid request. Faults are kept with the request and answered with 401. */
export async function open(rule, credentials, answer) {
    const requests = [];
    const server = http.createServer((incoming, outgoing) => {
        const parts = [];
        incoming.on('data', (part) => parts.push(part));
        incoming.on('end', () => {
            const [path, query = ''] = incoming.url.split(/\?(.*)/s);
            const request = {
                method: incoming.method,
                host: incoming.headers.host,
                path,
                query,
                headers: incoming.headers,
                body: Buffer.concat(parts).toString(),
            };
            try {
                request.moment = rule(request, credentials);
            } catch (error) {
                request.fault = error.message;
            }
            requests.push(request);
            outgoing.writeHead(request.fault ? 401 : 200, { 'Content-Type': 'application/json' });
            outgoing.end(JSON.stringify(request.fault ? { error: request.fault } : answer(request)));
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    return {
        url: `http://127.0.0.1:${port}`,
        taken: () => requests.splice(0),
        close: () => new Promise((resolve) => server.close(resolve)),
        /* Replaces fetch(). */
        fetch: (url, { method, headers, body }) =>
            new Promise((resolve, reject) => {
                const { host } = new URL(url);
                const target = url.slice(url.indexOf(host) + host.length); // not URL's own spelling of path and query
                const sent = {
                    ...headers,
                    Host: host,
                    ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
                };
                const outgoing = http.request(
                    { host: '127.0.0.1', port, method, path: target, headers: sent },
                    (incoming) => {
                        const parts = [];
                        incoming.on('data', (part) => parts.push(part));
                        incoming.on('end', () =>
                            resolve(
                                new Response(Buffer.concat(parts), {
                                    status: incoming.statusCode,
                                    headers: incoming.headers,
                                }),
                            ),
                        );
                    },
                );
                outgoing.on('error', reject);
                outgoing.end(body);
            }),
    };
}
