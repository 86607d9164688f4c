/** Types of `system-npm.mjs`, for tests. */
export function systemNpmEnvironment(
  environment: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv & { readonly PATH: string };
