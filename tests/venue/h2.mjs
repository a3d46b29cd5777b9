/* HTTP/2 in front of the venue: `run --h2` starts it. It ends TLS with the venue's certificates, and passes each request on
 * to the venue by HTTP/1.1, with the header X-Venue-Front: h2. Clients that do not offer h2 are refused.
 *
 * Arguments: the venue's port, its control port, its authority. Prints the port; ends with its standard input. */
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';

const [port, control, authority] = process.argv.slice(2);
const agent = new https.Agent({ keepAlive: true, ca: fs.readFileSync(authority) });
const NOT_PASSED_ON = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'host'];

function certificateFor(host, done) {
    http.get({ port: control, path: `/_venue/certificate?host=${encodeURIComponent(host)}` }, async (answer) => {
        const parts = await answer.toArray();
        if (answer.statusCode !== 200) {
            done(new Error(`no exchange is ${host}`));
            return;
        }
        const { certificate, key } = JSON.parse(Buffer.concat(parts));
        done(null, tls.createSecureContext({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }));
    });
}

function passOn(stream, headers) {
    const host = headers[':authority'];
    const own = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !NOT_PASSED_ON.includes(name));
    const request = https.request(
        {
            agent,
            host: '127.0.0.1',
            port,
            servername: host,
            method: headers[':method'],
            path: headers[':path'],
            headers: { ...Object.fromEntries(own), host, 'x-venue-front': 'h2' },
        },
        (answer) => {
            const back = Object.entries(answer.headers).filter(([name]) => !NOT_PASSED_ON.includes(name));
            if (!stream.destroyed) {
                stream.respond({ ':status': answer.statusCode, ...Object.fromEntries(back) });
                answer.pipe(stream);
            }
        },
    );
    // What the venue does to the connection becomes the end of this one stream.
    request.on('error', () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
    stream.on('error', () => request.destroy());
    stream.pipe(request);
}

const server = http2.createSecureServer({ SNICallback: certificateFor, allowHTTP1: false });
server.on('stream', passOn);
server.on('sessionError', () => {});
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
