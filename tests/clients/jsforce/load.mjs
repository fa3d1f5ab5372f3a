// One load by `bulk2.loadAndWaitForResults`, or several beside each other. Input: [{object, operation, input, …}, …].
import { connect, given, outcome, print } from './org.mjs';

const loads = await given();
await print(async () => {
  const connection = connect();
  connection.bulk2.pollInterval = 20;
  return Promise.all(loads.map((load) => outcome(connection.bulk2.loadAndWaitForResults(load))));
});
