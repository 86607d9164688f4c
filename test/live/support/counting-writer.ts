/** A process that counts `v` of rows up, one row a transaction: `PORT DATABASE TABLE ROWS`. */
import mysql from 'mysql2/promise';

const [port = '', database = '', table = '', rows = ''] = process.argv.slice(2);
const connection = await mysql.createConnection({
  host: '127.0.0.1',
  port: Number.parseInt(port, 10),
  user: 'root',
  database,
});
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const count = Number.parseInt(rows, 10);
for (let at = 0; !stop.signal.aborted; at++) {
  await connection.query(`UPDATE \`${table}\` SET v = v + 1 WHERE id = ${(at % count) + 1}`);
  if (at === 0) process.stdout.write('writing\n');
}
await connection.end();
