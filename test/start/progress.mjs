// Says what is going on: plain lines everywhere, and on a terminal a spinner that becomes the line when the work is done.
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const terminal = process.stderr.isTTY && !process.env.CI;

export const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Runs the work under a title; the line at its end has the time it took. */
export async function step(title, work) {
  const began = Date.now();
  let frame = 0;
  const draw = () =>
    process.stderr.write(`\r\x1b[2K${frames[frame++ % frames.length]} ${title} ${seconds(began)}`);
  const timer = terminal ? setInterval(draw, 100) : undefined;
  if (!terminal) process.stderr.write(`- ${title} ...\n`);
  const finish = (mark) => {
    clearInterval(timer);
    process.stderr.write(`${terminal ? '\r\x1b[2K' : ''}${mark} ${title} (${seconds(began)})\n`);
  };
  try {
    const result = await work();
    finish('✓');
    return result;
  } catch (error) {
    finish('✗');
    throw error;
  }
}
