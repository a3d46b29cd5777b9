/* Whether the way to the agent's socket can be trusted. Node cannot ask the kernel who listens, so what counts is who can put
 * a socket there: the socket, every folder on the way to it and every link must belong to root, to the bot's own user or to
 * the agent's user, and nobody else may write to the folders. */
import fs from 'node:fs';

const LINKS_MAX = 40;

/* Throws an Error that says what is wrong; an error of the file system if there is no socket. `agentUser` is a name or a
 * number; by default the user 'chancery', if there is one. */
export function checkSocket(path, agentUser = process.env.CHANCERY_AGENT_USER) {
    const users = [0, process.geteuid(), ...uidsOf(agentUser)];
    const left = `${path.startsWith('/') ? '' : process.cwd()}/${path}`.split('/').reverse();
    let at = '';
    for (let links = 0; left.length > 0; ) {
        checkFolder(at || '/', users);
        const name = left.pop();
        if (name === '..') {
            at = at.slice(0, at.lastIndexOf('/'));
        } else if (name !== '' && name !== '.') {
            const entry = `${at}/${name}`;
            if (!checkOwner(entry, users).isSymbolicLink()) {
                at = entry;
                continue;
            }
            const target = fs.readlinkSync(entry);
            if (++links > LINKS_MAX) {
                throw refusal(path, 'is a link that leads nowhere');
            }
            left.push(...target.split('/').reverse());
            at = target.startsWith('/') ? '' : at;
        }
    }
    if (!fs.lstatSync(at || '/').isSocket()) {
        throw refusal(at || '/', 'is not a socket');
    }
}

const refusal = (path, why) => new Error(`${path} ${why}, so nothing was sent`);

function uidsOf(user) {
    if (user && /^\d+$/.test(user)) {
        return [Number(user)];
    }
    const entries = fs.readFileSync('/etc/passwd', 'utf8').split('\n');
    const entry = entries.find((line) => line.startsWith(`${user || 'chancery'}:`));
    if (!entry && user) {
        throw new Error(`the agent's user: there is no user '${user}' in /etc/passwd; its number will do`);
    }
    return entry ? [Number(entry.split(':')[2])] : [];
}

function checkOwner(path, users) {
    const facts = fs.lstatSync(path);
    if (!users.includes(facts.uid)) {
        throw refusal(
            path,
            `belongs to user ${facts.uid}, who is not root, not this user and not the agent's (if the agent runs as that ` +
                'user, set CHANCERY_AGENT_USER)',
        );
    }
    return facts;
}

/* A sticky folder of root's, such as /tmp, may be on the way: nobody can replace there what belongs to another. */
function checkFolder(path, users) {
    const facts = checkOwner(path, users);
    if (!facts.isDirectory()) {
        throw refusal(path, 'is not a folder');
    }
    const isSticky = facts.uid === 0 && (facts.mode & 0o1000) !== 0;
    if ((facts.mode & 0o022) !== 0 && !isSticky) {
        throw refusal(path, `can be written to by others (mode 0${(facts.mode & 0o7777).toString(8)})`);
    }
}
