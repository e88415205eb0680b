// Opens a bank again and again and asks it, until its input ends; started by `bank-readers.test.ts`.
// Prints the checksums of the banks that it saw, or fails with what was wrong.
const { bankModule, kernelsModule, path, members } = JSON.parse(process.env.PGENRM_READ);
const [{ PrototypeBank }, { loadKernels }] = await Promise.all([import(bankModule), import(kernelsModule)]);

let reading = true;
process.stdin.on('end', () => {
  reading = false;
});
process.stdin.resume();
const seen = new Set();
while (reading) {
  const bank = await PrototypeBank.open(path, { kernels: await loadKernels({ force: 'reference' }) });
  const found = await bank.similarUsers(bank.prototypeVector(0), members);
  if (found.length !== members) throw new Error(`found ${found.length} users of ${members}`);
  for (const { userId, user } of found) {
    if (user.id !== userId || user.history.length === 0) throw new Error(`${userId} is not whole`);
  }
  seen.add(bank.manifest.checksum);
  await bank.close();
  if (seen.size === 1) process.stdout.write('.');
}
process.stdout.write(`\n${JSON.stringify([...seen])}`);
