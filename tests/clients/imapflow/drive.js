/* Drives imapflow through what a mail program does in a day; every answer is checked here, the files by the test that runs this.
 *
 *     node drive.js FOLDER PORT CERTIFICATE all|few
 *
 * FOLDER is where imapflow is installed. all: with every extension, over TLS; few: as an IMAP4rev1 client without any that
 * has to be turned on, after STARTTLS. Prints the state of the mailbox as JSON at the end. */
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const [folder, port, certificate, kind] = process.argv.slice(2);
const { ImapFlow } = createRequire(path.join(folder, 'package.json'))('imapflow');
const DEADLINE = 15000; // ms for what the server says of its own accord

async function connect(options) {
    const client = new ImapFlow({
        host: 'localhost', port: Number(port), secure: kind === 'all', logger: false, auth: { user: 'kevin', pass: 'secret' },
        tls: { ca: fs.readFileSync(certificate) }, ...options
    });
    client.on('error', reason => { throw reason; });
    await client.connect();
    return client;
}

/* The next event of this name that fits. */
function event(client, name, fits) {
    return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('no event "' + name + '"')), DEADLINE);
        function seen(data) {
            if (!fits(data)) return;
            clearTimeout(late);
            client.off(name, seen);
            resolve(data);
        }
        client.on(name, seen);
    });
}

/* Letters beyond ASCII in the header are for clients that turned UTF8=ACCEPT on (RFC 6855 section 4). */
function header(text) {
    return kind === 'all' ? text : '=?utf-8?b?' + Buffer.from(text).toString('base64') + '?=';
}

function message(subject, text) {
    return Buffer.from('From: ' + header('Zoë') + ' <zoe@example.org>\r\nTo: kevin@example.com\r\nSubject: ' + header(subject) +
        '\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n' + text + '\r\n');
}

/* One LIST for the whole folder screen, folders with special uses and with letters beyond ASCII. */
async function folders(client) {
    for (const name of ['Grüße', 'Grüße/日本語', 'Old']) assert.ok((await client.mailboxCreate(name.split('/'))).created, name);
    await client.mailboxRename('Old', 'New');
    const listed = await client.list({ statusQuery: { messages: true, unseen: true, uidNext: true, uidValidity: true, highestModseq: true } });
    const found = Object.fromEntries(listed.map(box => [box.path, box]));
    assert.deepStrictEqual(Object.keys(found).sort(),
        ['Archive', 'Drafts', 'Grüße', 'Grüße' + listed[0].delimiter + '日本語', 'INBOX', 'New', 'Sent', 'Trash'].sort());
    for (const name of ['Drafts', 'Sent', 'Trash']) assert.strictEqual(found[name].specialUse, '\\' + name);
    assert.strictEqual(found.INBOX.status.messages, 4);
    assert.strictEqual(found.INBOX.status.unseen, 3);
    assert.ok(kind === 'few' || found.INBOX.status.highestModseq > 0n);
    assert.strictEqual(found.Sent.status.messages, 1);
    await client.mailboxDelete('New');
}

async function appending(client) {
    const done = await client.append('Drafts', message('Ölwechsel', 'naïve café'), ['\\Draft', 'later'], new Date('2023-11-14T22:13:20Z'));
    assert.ok(done.uid === 1 && done.uidValidity > 0n);
    await client.mailboxOpen('Drafts');
    const got = await client.fetchOne('1', { flags: true, envelope: true, source: true, internalDate: true, bodyStructure: true });
    assert.deepStrictEqual([...got.flags].filter(flag => flag !== '\\Recent').sort(), ['\\Draft', 'later']);
    assert.strictEqual(got.envelope.subject, 'Ölwechsel');
    assert.strictEqual(got.internalDate.toISOString(), '2023-11-14T22:13:20.000Z');
    assert.ok(got.source.equals(message('Ölwechsel', 'naïve café')));
    const part = await client.download('1', '1');
    const text = Buffer.concat(await part.content.toArray());
    assert.strictEqual(text.toString().trim(), 'naïve café');
}

async function searching(client) {
    await client.mailboxOpen('INBOX');
    assert.deepStrictEqual(await client.search({ seen: false }), [1, 3, 4]);
    assert.deepStrictEqual(await client.search({ subject: 'grüße' }, { uid: true }), [2]);
    assert.deepStrictEqual(await client.search({ or: [{ body: 'noon' }, { header: { subject: 'newsletter' } }] }), [1, 3]);
    assert.deepStrictEqual(await client.search({ body: 'nowhere' }), []);
    const found = [];
    for await (const got of client.fetch('1:*', { uid: true, size: true, envelope: true, bodyParts: ['header', 'text'] })) found.push(got.uid);
    assert.deepStrictEqual(found, [1, 2, 3, 4]);
}

/* What one connection does, the other is told in IDLE, which imapflow starts by itself. */
async function idling(client, other) {
    await other.mailboxOpen('INBOX');
    const idle = other.idle();
    const exists = event(other, 'exists', data => data.count === 5);
    assert.strictEqual((await client.append('INBOX', message('news', 'told in IDLE'))).uid, 5);
    await exists;
    const flags = event(other, 'flags', data => data.flags.has('\\Flagged') && data.uid === 5);
    await client.messageFlagsAdd('5', ['\\Flagged'], { uid: true });
    assert.ok((await flags).modseq > 0n);
    const gone = event(other, 'expunge', data => data.vanished && data.uid === 1);
    await client.messageDelete('1', { uid: true });
    await gone;
    await other.noop();
    await idle;
    await resync(client, other);
}

/* Away while things change: SELECT with QRESYNC tells just these. */
async function resync(client, other) {
    const before = { changedSince: other.mailbox.highestModseq, uidValidity: other.mailbox.uidValidity };
    await other.logout();
    await client.messageFlagsSet('2', ['\\Answered', 'Work'], { uid: true });
    const moved = await client.messageMove('3', 'Grüße', { uid: true });
    assert.deepStrictEqual([...moved.uidMap], [[3, 1]]);
    const copied = await client.messageCopy('4', 'Archive', { uid: true });
    assert.deepStrictEqual([...copied.uidMap], [[4, 1]]);
    assert.ok(!(await client.messageFlagsAdd('2', ['\\Flagged'], { uid: true, unchangedSince: before.changedSince })) ||
        !(await client.fetchOne('2', { flags: true }, { uid: true })).flags.has('\\Flagged'), 'UNCHANGEDSINCE did not hold');
    const back = await connect({ qresync: true });
    const flags = [], vanished = [];
    back.on('flags', data => flags.push([data.uid, [...data.flags].filter(flag => flag !== '\\Recent').sort().join(' ')]));
    back.on('expunge', data => vanished.push([data.uid, data.earlier]));
    const opened = await back.mailboxOpen('INBOX', before);
    assert.ok(opened.qresync);
    assert.deepStrictEqual(flags, [[2, 'Work \\Answered']]);
    /* UID 1 again: an expunge tells no MODSEQ, so for imapflow it came after what it knew */
    assert.deepStrictEqual(vanished, [[1, true], [3, true]]);
    const changed = [];
    for await (const got of back.fetch('1:*', { uid: true, flags: true }, { changedSince: before.changedSince })) changed.push(got.uid);
    assert.deepStrictEqual(changed, [2]);
    await back.logout();
}

async function state(client) {
    const found = {};
    for (const box of await client.list()) {
        await client.mailboxOpen(box.path, { readOnly: true });
        const rows = [];
        if (client.mailbox.exists)
            for await (const got of client.fetch('1:*', { uid: true, flags: true }))
                rows.push([got.uid, [...got.flags].filter(flag => flag !== '\\Recent').sort()]);
        found[box.path] = rows;
    }
    return found;
}

async function all() {
    const client = await connect({ qresync: true, disableAutoIdle: true });
    for (const name of ['IDLE', 'QRESYNC', 'COMPRESS=DEFLATE', 'SPECIAL-USE', 'MOVE', 'LIST-STATUS'])
        assert.ok(client.capabilities.has(name), name);
    assert.ok(client._inflate, 'not compressed');
    for (const name of ['CONDSTORE', 'QRESYNC', 'UTF8=ACCEPT', 'IMAP4REV2']) assert.ok(client.enabled.has(name), name + ' is not on');
    await folders(client);
    await appending(client);
    await searching(client);
    await idling(client, await connect({ qresync: true }));
    assert.strictEqual((await client.getQuota('INBOX')).storage.limit, 10 << 20);
    return client;
}

async function few() {
    const client = await connect({ doSTARTTLS: true, disableCompression: true, disableAutoEnable: true, disableBinary: true });
    assert.ok(client.secureConnection && !client._inflate && !client.enabled.size);
    await folders(client);
    await appending(client);
    await searching(client);
    await client.messageMove('3', 'Grüße', { uid: true });
    await client.messageCopy('4', 'Archive', { uid: true });
    await client.messageDelete('1', { uid: true });
    await client.append('INBOX', message('news', 'one more'));
    return client;
}

async function main() {
    const client = await (kind === 'all' ? all() : few());
    console.log(JSON.stringify(await state(client)));
    await client.logout();
}

main().then(() => process.exit(0), reason => {
    console.error(reason);
    process.exit(1);
});
