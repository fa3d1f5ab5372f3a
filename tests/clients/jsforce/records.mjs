// Records over REST: one by one, then in collections.
import { connect, outcome, print } from './org.mjs';

await print(async () => {
  const connection = connect();
  const accounts = connection.sobject('Account');
  const told = {};
  const made = await accounts.create({ Name: 'Acme', Legacy_Id__c: 'A1' });
  told.made = made;
  told.updated = await accounts.update({ Id: made.id, Phone: '1' });
  told.read = await accounts.retrieve(made.id);
  told.someFields = await connection.retrieve('Account', made.id, { fields: ['Name'] });
  told.upserted = await accounts.upsert({ Legacy_Id__c: 'A1', Site: 'x' }, 'Legacy_Id__c');
  told.insertedByUpsert = await accounts.upsert({ Legacy_Id__c: 'A2', Name: 'Beta' }, 'Legacy_Id__c');
  told.deleted = await accounts.destroy(made.id);
  told.gone = await outcome(accounts.retrieve(made.id));
  told.refused = await outcome(accounts.create({ Site: 'x' }));
  told.unknownField = await outcome(accounts.create({ Name: 'x', Nope__c: 'y' }));

  const many = await accounts.create([{ Name: 'One' }, { Site: 'no name' }, { Name: 'Three' }]);
  told.many = many;
  const ids = many.filter((entry) => entry.success).map((entry) => entry.id);
  told.manyUpdated = await accounts.update(ids.map((Id) => ({ Id, Phone: '2' })));
  told.manyRead = (await accounts.retrieve(ids)).map((record) => record.Phone);
  told.manyUpserted = await accounts.upsert(
    [{ Legacy_Id__c: 'A2', Site: 'y' }, { Legacy_Id__c: 'A3', Name: 'New' }], 'Legacy_Id__c');
  told.allOrNone = await accounts.create([{ Name: 'Good' }, { Site: 'bad' }], { allOrNone: true });
  told.manyDeleted = await accounts.destroy(ids);
  told.recursive = (await accounts.create(Array.from({ length: 250 }, (_, n) => ({ Name: `R${n}` })), { allowRecursive: true }))
    .filter((entry) => entry.success).length;
  return told;
});
