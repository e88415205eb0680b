// Appends choices to a file of users until it is killed; says each one after the store has answered.
const [store, file] = process.argv.slice(2);
const { openUserStore } = await import(store);
const users = await openUserStore(file);
for (let n = 0; ; n += 1) {
  const event = {
    context: [{ role: 'user', content: `q${n}` }],
    chosen: `chosen ${n}`,
    rejected: 'r'.repeat(500),
  };
  try {
    await users.append(`user ${n % 3}`, event);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
    process.exit(7);
  }
  process.stdout.write(`${n}\n`);
}
