// A bulk query to records. Input: {soql, scanAll}.
import { connect, given, print } from './org.mjs';

const { soql, ...options } = await given();
await print(async () => {
  const stream = await connect().bulk2.query(soql, { pollInterval: 20, pollTimeout: 20000, ...options });
  return stream.toArray();
});
