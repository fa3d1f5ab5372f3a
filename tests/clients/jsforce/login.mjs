// Logins of every kind, who one is, what the org has, and the end of a session.
import jsforce from 'jsforce';
import { connect, outcome, print, url } from './org.mjs';

const app = { clientId: 'app', clientSecret: 's3cret', loginUrl: url };

await print(async () => {
  const told = {};
  const soap = new jsforce.Connection({ loginUrl: url, version: '60.0', logLevel: 'NONE' });
  told.soap = await soap.login('ada@example.org', 'pwTOKEN');
  told.soapIdentity = await soap.identity();
  await soap.logout();
  const oauth = new jsforce.Connection({ oauth2: app, version: '60.0', logLevel: 'NONE' });
  told.password = await oauth.login('ada@example.org', 'pwTOKEN');
  told.passwordIdentity = (await oauth.identity()).username;
  const token = oauth.accessToken;
  await oauth.logout();
  told.afterLogout = await outcome(new jsforce.Connection({ instanceUrl: url, accessToken: token, logLevel: 'NONE' }).limits());
  const credentials = new jsforce.Connection({ instanceUrl: url, oauth2: app, version: '60.0', logLevel: 'NONE' });
  told.credentials = await credentials.authorize({ grant_type: 'client_credentials' });

  const wrong = new jsforce.Connection({ loginUrl: url, version: '60.0', logLevel: 'NONE' });
  told.wrongPassword = await outcome(wrong.login('ada@example.org', 'no'));
  told.wrongOauth = await outcome(new jsforce.Connection({ oauth2: app, logLevel: 'NONE' }).login('ada@example.org', 'no'));
  const late = new jsforce.Connection({ loginUrl: url, version: '65.0', logLevel: 'NONE' });
  told.v65 = await outcome(late.login('ada@example.org', 'pwTOKEN'));

  const connection = connect();
  told.objects = (await connection.describeGlobal()).sobjects.map((entry) => entry.name);
  told.account = (await connection.describe('Account')).fields.map((field) => field.name);
  told.batches = (await connection.limits()).DailyBulkApiBatches;
  told.usage = connection.limitInfo.apiUsage;
  told.identity = (await connection.identity()).organization_id;
  return told;
});
