// A load by hand: open, upload, close, poll, the three result files as text. Input: {job, data, polls?, again?, abort?, remove?}.
import { connect, given, outcome, print } from './org.mjs';

const { job: options, data, again, abort, remove } = await given();
await print(async () => {
  const job = connect().bulk2.createJob(options);
  const told = { opened: await job.open() };
  if (abort) await job.abort();
  if (data !== undefined && !abort) {
    await job.uploadData(data);
    if (again) told.again = await outcome((async () => job.uploadData(data))());
    await job.close();
  }
  told.polled = await outcome(job.poll(20, 20000));
  told.info = await job.check();
  told.successful = await job.getSuccessfulResults(true);
  told.failed = await job.getFailedResults(true);
  told.unprocessed = await job.getUnprocessedRecords(true);
  if (remove) {
    told.removed = await outcome(job.delete());
    told.after = await outcome(job.check());
  }
  return told;
});
