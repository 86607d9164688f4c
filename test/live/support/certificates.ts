/** Certificates for tests, made by the openssl program: authorities, and what they signed. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate in a folder. */
export interface CertificateWish {
  readonly folder: string;
  /** Name of the authority's files. */
  readonly authority: string;
  /** What the server is called in it. */
  readonly hostName: string;
  /** From now on; below zero: it is over. */
  readonly days: number;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(folder: string, ...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Makes `NAME.pem` and `NAME.key` of an authority; gives the certificate. */
export function makeAuthority(folder: string, name: string): string {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
  openssl(folder, 'req', '-x509', ...KEY, ...files, '-subj', `/CN=${name}`, '-days', '30');
  return readFileSync(join(folder, `${name}.pem`), 'utf8');
}

/** Makes `server.pem` and `server.key`, over those that were there. */
export function makeCertificate({ folder, authority, hostName, days }: CertificateWish): void {
  const request = ['-keyout', 'server.key', '-out', 'server.req', '-subj', '/CN=server'];
  openssl(folder, 'req', ...KEY, ...request, '-addext', `subjectAltName=DNS:${hostName}`);
  const signed = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-out', 'server.pem'];
  const more = ['-days', `${days}`, '-copy_extensions', 'copy', '-set_serial', `${days + 1000}`];
  openssl(folder, 'x509', '-req', '-in', 'server.req', ...signed, ...more);
}
