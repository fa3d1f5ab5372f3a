// A session that ends in the middle of a load: with a refresh function, and without. Input: {refresh: true|false}.
// A load that has not come to an end after three seconds counts as hung.
import { connect, given, outcome, print, url } from './org.mjs';

const { refresh } = await given();
await print(async () => {
  let renewed = 0;
  const refreshFn = async (connection, callback) => {
    renewed += 1;
    const answer = await fetch(`${url}/services/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'app', client_secret: 's3cret' }),
    });
    callback(null, (await answer.json()).access_token);
  };
  const connection = connect(refresh ? { refreshFn } : {});
  connection.bulk2.pollInterval = 20;
  const load = { object: 'Account', operation: 'insert', input: [{ Name: 'A' }, { Name: 'B' }] };
  const hung = new Promise((resolve) => { setTimeout(resolve, 3000, 'hung'); });
  const result = await Promise.race([outcome(connection.bulk2.loadAndWaitForResults(load)), hung]);
  return { renewed, result };
});
process.exit(0);
