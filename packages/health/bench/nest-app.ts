/** The Nest application of both benchmarks, with @nestjs/terminus. No decorators: Node runs this file unbuilt. */
import 'reflect-metadata';
import { Controller, Get, HttpCode, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  TerminusModule,
} from '@nestjs/terminus';

interface NestOptions {
  readonly dependency: () => Promise<unknown>;
  readonly pay: () => Promise<unknown>;
  /** Its own wait between the signal and the close; default none. */
  readonly gracefulShutdownTimeoutMs?: number;
}

/** As its documentation has it: an attempt with a timeout of 500 ms, cached for a second. */
export async function nestApp({ dependency, pay, gracefulShutdownTimeoutMs = 0 }: NestOptions) {
  class Probes {
    readonly health: HealthCheckService;
    readonly indicators: HealthIndicatorService;

    constructor(health: HealthCheckService, indicators: HealthIndicatorService) {
      this.health = health;
      this.indicators = indicators;
    }

    ready() {
      const ask = async () => void (await dependency());
      const attempt = () =>
        this.indicators.check('db').attempt(ask).withTimeout(500).cacheFor(1_000);
      return this.health.check([attempt]);
    }

    pay() {
      return pay();
    }
  }
  const method = (name: 'ready' | 'pay') =>
    [
      Probes.prototype,
      name,
      Object.getOwnPropertyDescriptor(Probes.prototype, name) as PropertyDescriptor,
    ] as const;
  Controller()(Probes);
  Inject(HealthCheckService)(Probes, undefined, 0);
  Inject(HealthIndicatorService)(Probes, undefined, 1);
  Get('/ready')(...method('ready'));
  HealthCheck()(...method('ready'));
  Post('/pay')(...method('pay'));
  HttpCode(200)(...method('pay'));

  class App {}
  const imports = [TerminusModule.forRoot({ logger: false, gracefulShutdownTimeoutMs })];
  Module({ imports, controllers: [Probes] })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.init();
  return app;
}
