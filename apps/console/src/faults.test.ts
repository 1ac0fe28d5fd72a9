import { describe, expect, it } from 'vitest';
import { faultCode } from './faults.ts';

function fault(message: string, fields: object = {}, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), fields);
}

describe('a fault is told apart', () => {
  it.each([
    fault('connect ECONNREFUSED 127.0.0.1:5432', { code: 'ECONNREFUSED' }),
    fault('Connection terminated unexpectedly'),
    fault('timeout exceeded when trying to connect'),
    fault('terminating connection due to administrator command', { code: '57P01' }),
    fault('sorry, too many clients already', { code: '53300' }),
    fault('Sale x could not be changed', {}, fault('canceling statement', { code: '57014' })),
  ])('Postgres is away: $message', (error) => {
    expect(faultCode(error)).toBe('ledger_unavailable');
  });

  it.each([
    fault('Reached the max retries per request limit', { name: 'MaxRetriesPerRequestError' }),
    fault("Stream isn't writeable and enableOfflineQueue options is false"),
    fault('Connection is closed.'),
    fault("The gate's count took longer than 5000 ms"),
    fault('The gate of sale x did not stand still for an audit'),
    fault('The gate did not answer an audit within 1500 ms'),
  ])('Redis is away: $message', (error) => {
    expect(faultCode(error)).toBe('gate_unavailable');
  });

  it('what is our own mistake stays one', () => {
    expect(faultCode(new TypeError('x is not a function'))).toBe('internal_error');
    expect(faultCode(fault('relation "gates" does not exist', { code: '42P01' }))).toBe('internal_error');
    expect(faultCode('a text')).toBe('internal_error');
  });
});
