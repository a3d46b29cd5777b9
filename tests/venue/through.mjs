/* Sends every TLS connection of a Node program to the venue, whatever host it is for: `node --import through.mjs`.
 *
 * $VENUE_PORT is the venue's port, and NODE_EXTRA_CA_CERTS its authority. Names are not looked up. The client's program
 * stays as it is; the name of the host still goes into SNI and is what the certificate must fit. */
import tls from 'node:tls';

const port = Number(process.env.VENUE_PORT);
const connect = tls.connect;

tls.connect = (options, ...rest) => {
    const servername = options.servername || options.host || options.hostname;
    const { path, socket, ...others } = options;
    return connect.call(tls, { ...others, host: '127.0.0.1', hostname: '127.0.0.1', port, servername }, ...rest);
};
