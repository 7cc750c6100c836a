# frozen_string_literal: true

# Runs one request and prints its events: ruby -I gen ask.rb [--address HOST:PORT] [--approve] "TEXT"
#
# `./generate.sh` writes the generated code to gen/.
require "optparse"

require "narrowgauge/v1/dispatcher_services_pb"

# Sends requests one after the other; gRPC reads them from its own thread.
class Outbox
  include Enumerable

  def initialize(first) = @queue = Queue.new.push(first)
  def push(request) = @queue.push(request)
  def close = @queue.close

  def each
    while (request = @queue.pop)
      yield request
    end
  end
end

# One chain, from its start to its end.
class Chain
  include Narrowgauge::V1

  def initialize(address, approve:)
    @stub = DispatcherService::Stub.new(address, :this_channel_is_insecure)
    @approve = approve
  end

  # Returns whether every step ended well.
  def run(text)
    @outbox = Outbox.new(DispatchRequest.new(start: ChainStart.new(text: text)))
    @finished = false
    @stub.dispatch(@outbox).each { |response| handle(response) }
    @finished
  end

  private

  def handle(response)
    id = response.step_id
    event = response.public_send(response.event)
    case response.event
    when :plan_made then show_plan(event.plan)
    when :tool_call then puts "step #{id} calls #{event.call["method"]} #{event.call.json}"
    when :tool_result then puts "step #{id} result #{event.json}"
    when :step_failed then puts "step #{id} failed: #{event.status.message}"
    when :step_skipped then puts "step #{id} skipped: #{event.reason} #{event.message}"
    when :approval_required then decide(id)
    when :chain_finished then finish(event)
    end
  end

  def show_plan(plan)
    plan.steps.each_with_index do |step, index|
      puts "plan #{index} #{step.specialist.empty? ? step.reason : step.specialist}: #{step.text}"
    end
  end

  # Approves or rejects one write, as the person at the terminal says.
  def decide(id)
    unless @approve
      print "approve step #{id}? [y/N] "
      yes = $stdin.gets.to_s.downcase.start_with?("y")
    end
    @outbox.push(
      if @approve || yes
        DispatchRequest.new(approve: ApproveStep.new(step_id: id))
      else
        DispatchRequest.new(reject: RejectStep.new(step_id: id, reason: "not approved at the terminal"))
      end
    )
  end

  def finish(event)
    @finished = event.status.nil? || event.status.code.zero?
    outcome = @finished ? "finished" : "failed: #{event.status.message}"
    puts "chain #{outcome} in #{event.timings.loop_ms.round} ms, trace #{event.trace_id}"
    @outbox.close
  end
end

options = { address: ENV.fetch("NARROWGAUGE_ADDRESS", "127.0.0.1:50051"), approve: false }
texts = OptionParser.new do |parser|
  parser.banner = 'usage: ruby -I gen ask.rb [--address HOST:PORT] [--approve] "TEXT"'
  parser.on("--address ADDRESS") { |address| options[:address] = address }
  parser.on("--approve") { options[:approve] = true }
end.parse!
abort 'usage: ruby -I gen ask.rb [--address HOST:PORT] [--approve] "TEXT"' unless texts.size == 1

begin
  exit Chain.new(options[:address], approve: options[:approve]).run(texts.first) ? 0 : 1
rescue GRPC::BadStatus => e
  abort "#{e.class.name.split("::").last}: #{e.details}"
end
