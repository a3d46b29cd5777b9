/* Counts checks and prints those that failed. A program calls done() at its end. */
import { inspect } from 'node:util';

let passed = 0;
let failed = 0;

export async function check(name, test) {
    try {
        await test();
        passed++;
    } catch (error) {
        failed++;
        console.log(`FAIL  ${name}: ${error.code === 'ERR_ASSERTION' ? difference(error) : error.stack ?? inspect(error)}`);
    }
}

function difference({ message, actual, expected }) {
    const whole = (value) => inspect(value, { depth: null, breakLength: Infinity, sorted: true });
    return `${message.split('\n')[0]}\n      is      ${whole(actual)}\n      and not ${whole(expected)}`;
}

export function done() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
}
