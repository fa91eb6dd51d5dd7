/*
 * In front of the S3 store of scripts/with-s3: a proxy that can be told to misbehave. Prints "ready PORT"; commands come as lines:
 *   status CODE N   the next N requests are answered CODE with an empty body
 *   cut BYTES N     the next N answers with a larger body lose their connection after BYTES of it
 *   silent N        the next N requests are never answered
 *   sent            prints how many bytes of answers have gone out so far
 *   requests        prints how many requests came so far
 * Each prints a line when it is done. The Host header passes as it came: it is signed.
 */
import http from 'node:http';
import { createInterface } from 'node:readline';

const store = new URL(process.env.SH_TEST_S3);
let fault = { kind: '', value: 0, left: 0 };
let sent = 0;
let requests = 0;
const takes = (kind) => fault.kind === kind && fault.left-- > 0;

const proxy = http.createServer((req, res) => {
  requests += 1;
  if (takes('silent')) return;
  if (takes('status')) {
    req.resume();
    res.writeHead(fault.value).end();
    return;
  }
  const inner = http.request({ host: store.hostname, port: store.port, method: req.method, path: req.url, headers: req.headers });
  inner.on('error', () => res.destroy());
  inner.on('response', (answer) => {
    res.writeHead(answer.statusCode, answer.rawHeaders);
    const cutAfter = Number(answer.headers['content-length'] ?? 0) > fault.value && takes('cut') ? fault.value : Infinity;
    let passed = 0;
    answer.on('data', (piece) => {
      passed += piece.length;
      sent += piece.length;
      if (passed > cutAfter) {
        res.write(piece.subarray(0, piece.length - (passed - cutAfter)), () => res.destroy());
        answer.destroy();
      } else if (!res.write(piece)) {
        answer.pause();
        res.once('drain', () => answer.resume());
      }
    });
    answer.on('end', () => res.end());
    res.on('close', () => inner.destroy());
  });
  req.pipe(inner);
});
proxy.listen(0, '127.0.0.1', () => console.log(`ready ${proxy.address().port}`));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [kind, a, b] = line.split(' ');
    if (kind === 'sent') console.log(sent);
    else if (kind === 'requests') console.log(requests);
    else {
      fault = b === undefined ? { kind, value: 0, left: Number(a) } : { kind, value: Number(a), left: Number(b) };
      console.log('ok');
    }
  })
  .on('close', () => process.exit(0));
