// Queries over REST: a page, the next, all of them, counted, by conditions, as events.
import { connect, outcome, print } from './org.mjs';

await print(async () => {
  const connection = connect();
  const told = {};
  const first = await connection.query('SELECT Id, Name FROM Account ORDER BY Name');
  told.first = { size: first.records.length, total: first.totalSize, done: first.done };
  const second = await connection.queryMore(first.nextRecordsUrl);
  told.second = { size: second.records.length, done: second.done };
  told.all = (await connection.query('SELECT Name FROM Account ORDER BY Name', { autoFetch: true, maxFetch: 1000 })).records
    .map((record) => record.Name);
  told.deletedToo = (await connection.query('SELECT Id FROM Account', { autoFetch: true, scanAll: true, maxFetch: 1000 }))
    .records.length;
  told.count = (await connection.query('SELECT COUNT() FROM Account')).totalSize;
  told.found = await connection.sobject('Account').find({ Name: { $like: 'Account 1%' } }, ['Name']).sort({ Name: 1 }).limit(3);
  told.count2 = await connection.sobject('Account').count({ Name: 'Account 03' });
  told.parent = (await connection.query('SELECT LastName, Account.Name FROM Contact')).records;
  told.malformed = await outcome(connection.query('SELEKT Id FROM Account'));
  told.unknownObject = await outcome(connection.query('SELECT Id FROM Nothing__c'));
  told.unknownField = await outcome(connection.query('SELECT Nope__c FROM Account'));
  return told;
});
