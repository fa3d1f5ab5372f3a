// What every program here needs: its arguments, a connection to the org, and one JSON as output.
import jsforce from 'jsforce';

export const url = process.env.SF_INSTANCE_URL;

/** A connection with the token of the environment. */
export function connect(more = {}) {
  return new jsforce.Connection({
    instanceUrl: url, accessToken: process.env.SF_ACCESS_TOKEN, version: '60.0', logLevel: 'NONE', ...more,
  });
}

/** The JSON on standard input. */
export async function given() {
  const pieces = [];
  for await (const piece of process.stdin) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString() || '{}');
}

/** Runs an async function; its value, or {error: {name, message, errorCode}}, is printed. */
export async function print(work) {
  let shown;
  try {
    shown = await work();
  } catch (error) {
    shown = { error: { name: error.name, message: error.message, errorCode: error.errorCode ?? null } };
  }
  await new Promise((done) => { process.stdout.write(JSON.stringify(shown ?? null), done); });
}

/** What a promise comes to: its value, or its error. */
export async function outcome(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    return { error: { name: error.name, message: error.message, errorCode: error.errorCode ?? null } };
  }
}
