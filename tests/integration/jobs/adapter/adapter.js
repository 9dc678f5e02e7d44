// A real external adapter on Chainlink's framework: endpoint `price`, whose data comes from an HTTP source.
const { expose } = require('@chainlink/external-adapter-framework')
const { Adapter, AdapterEndpoint } = require('@chainlink/external-adapter-framework/adapter')
const { HttpTransport } = require('@chainlink/external-adapter-framework/transports')
const { InputParameters } = require('@chainlink/external-adapter-framework/validation')

const inputParameters = new InputParameters({
  coin: { required: true, type: 'string', description: 'What to price' },
})

const transport = new HttpTransport({
  prepareRequests: (all) =>
    all.map((params) => ({
      params: [params],
      request: { baseURL: process.env.SOURCE_URL, url: `/price/${params.coin}` },
    })),
  parseResponse: (all, response) =>
    all.map((params) => ({
      params,
      response: { result: response.data.price, data: { result: response.data.price } },
    })),
})

const adapter = new Adapter({
  name: 'LINKPOOL_TEST',
  defaultEndpoint: 'price',
  endpoints: [new AdapterEndpoint({ name: 'price', transport, inputParameters })],
})

expose(adapter)
