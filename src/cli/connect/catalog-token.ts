/** When `firn catalog serve` asks its clients for a token; the same rule tells clients of one. */

/** The variable that holds the token, for the server and for engines. */
export const TOKEN_VARIABLE = 'FIRN_CATALOG_TOKEN';

/** Whether only this machine reaches an address: there alone a server may be without a token. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
